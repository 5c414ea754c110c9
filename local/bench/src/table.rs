//! The table: what was found, what was to be reached, and whether it was.

use std::fmt::Write;

use crate::cloud::AWAY;
use crate::contestant::Contestant;
use crate::measure::{Figures, LAP, Of, f64_of, millis};
use crate::sample::Sample;

/// A megabyte, of memory and of files.
const MB: f64 = 1e6;
/// A claim, a call and a settlement cannot be made together.
const ROUND_TRIPS: f64 = 3.0;
/// By how much the last laps of the long run may differ from the first ones, which have the start in them.
const STEADY: f64 = 1.1;

/// A figure of each contestant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    figure: String,
    rival: String,
    bare: String,
    ours: String,
    ratio: String,
    goal: String,
    /// None where there is no goal.
    reached: Option<bool>,
    /// Whether it is the same on every machine.
    is_count: bool,
}

/// The sizes of the functions' zips in bytes, by name.
pub(crate) type Zips = [(String, u64)];

/// The table's rows.
pub(crate) fn rows(figures: &Figures, zips: &Zips) -> Vec<Row> {
    let mut rows = counts(figures);
    rows.extend(times(figures));
    rows.push(memory(figures));
    rows.extend(zips.iter().map(|(name, bytes)| zip(name, *bytes)));
    rows.extend(long_run(figures));
    rows
}

/// The figures that are the same on every machine, and were missed.
pub(crate) fn missed_counts(rows: &[Row]) -> Vec<&str> {
    let missed = rows.iter().filter(|row| row.is_count && row.reached == Some(false));
    missed.map(|row| row.figure.as_str()).collect()
}

/// The rows in Markdown, in columns that a terminal shows as well.
pub(crate) fn render(rows: &[Row]) -> String {
    let head =
        ["figure", "rival", "bare", "ours", "ratio", "to reach", "reached"].map(str::to_owned);
    let lines: Vec<[String; 7]> =
        std::iter::once(head).chain(rows.iter().map(Row::cells)).collect();
    let width = |column: usize| lines.iter().map(|cells| cells[column].chars().count()).max();
    let widths: [usize; 7] = std::array::from_fn(|column| width(column).unwrap_or_default());
    let mut text = String::new();
    for (number, cells) in lines.iter().enumerate() {
        line(&mut text, cells, &widths);
        if number == 0 {
            line(&mut text, &widths.map(|width| "-".repeat(width)), &widths);
        }
    }
    text
}

fn line(text: &mut String, cells: &[String; 7], widths: &[usize; 7]) {
    text.push('|');
    for (cell, width) in cells.iter().zip(widths) {
        // Writing to a text does not fail.
        let _ = write!(text, " {cell:width$} |");
    }
    text.push('\n');
}

impl Row {
    fn cells(&self) -> [String; 7] {
        let reached = match self.reached {
            None => "-",
            Some(true) => "yes",
            Some(false) => "no",
        };
        let said = |text: &String| if text.is_empty() { "-".to_owned() } else { text.clone() };
        let Self { figure, rival, bare, ours, ratio, goal, .. } = self;
        let [rival, bare, ours, ratio, goal] = [rival, bare, ours, ratio, goal].map(said);
        [figure.clone(), rival, bare, ours, ratio, goal, reached.to_owned()]
    }

    /// The contestants' medians with their spread.
    fn times(figure: &str, figures: &Figures, of: impl Fn(&Of) -> &Sample) -> Self {
        let cell = |contestant| spread(of(figures.of(contestant)));
        Self {
            figure: figure.to_owned(),
            rival: cell(Contestant::Rival),
            bare: cell(Contestant::Bare),
            ours: cell(Contestant::Ours),
            ..Self::default()
        }
    }

    /// How many times `one` is `other`, in words that say of what.
    fn ratio(mut self, one: Option<f64>, other: Option<f64>, what: &str) -> Self {
        if let Some(ratio) = quotient(one, other) {
            self.ratio = format!("{ratio:.*} x{what}", decimals(ratio));
        }
        self
    }

    fn goal(mut self, goal: &str, reached: bool) -> Self {
        (self.goal, self.reached) = (goal.to_owned(), Some(reached));
        self
    }
}

fn counts(figures: &Figures) -> Vec<Row> {
    let (rival, ours) = (&figures.rival.counts, &figures.ours.counts);
    let requests = |figure: &str, rival: usize, ours: usize, most: usize| {
        let count = |count: usize| f64_of(u64::try_from(count).unwrap_or(u64::MAX));
        Row {
            figure: figure.to_owned(),
            rival: rival.to_string(),
            ours: ours.to_string(),
            is_count: true,
            ..Row::default()
        }
        .ratio(Some(count(rival)), Some(count(ours)), "")
        .goal(&format!("<= {most}"), ours <= most)
    };
    vec![
        requests("DynamoDB requests, batch of 10 new wishes", rival.new, ours.new, 2),
        requests("... 10 redelivered messages", rival.redelivered, ours.redelivered, 1),
        requests("... 10 producer duplicates", rival.sent_again, ours.sent_again, 2),
        requests("Image Builder calls, batch of 10 new wishes", rival.calls, ours.calls, 10),
        Row {
            figure: "write units per new wish".to_owned(),
            rival: format!("{:.1}", rival.units),
            ours: format!("{:.1}", ours.units),
            is_count: true,
            ..Row::default()
        }
        .goal("<= 2", ours.units <= 2.0),
        Row {
            figure: "largest item, bytes".to_owned(),
            rival: rival.largest_item.to_string(),
            ours: ours.largest_item.to_string(),
            is_count: true,
            ..Row::default()
        }
        .goal("<= 1024", ours.largest_item <= 1024),
    ]
}

fn times(figures: &Figures) -> Vec<Row> {
    let Figures { rival, bare, ours, .. } = figures;
    let unavoidable =
        ours.away_services.median().map(|services| ROUND_TRIPS * millis(AWAY) + services);
    let at_most = |row: Row, one: Option<f64>, other: Option<f64>, most: f64, what: &str| {
        let reached = quotient(one, other).is_some_and(|ratio| ratio <= most);
        row.ratio(one, other, what).goal(&format!("<= {most} x{what}"), reached)
    };
    let faster = |row: Row, rival: Option<f64>, ours: Option<f64>, least: f64| {
        let reached = quotient(rival, ours).is_some_and(|ratio| ratio >= least);
        row.ratio(rival, ours, "").goal(&format!(">= {least} x"), reached)
    };
    vec![
        at_most(
            Row::times("process start to first poll, ms", figures, |of| &of.first_poll),
            ours.first_poll.median(),
            bare.first_poll.median(),
            2.0,
            " bare",
        ),
        faster(
            Row::times("process start to answer of a first batch of one, ms", figures, |of| {
                &of.first_answer
            }),
            rival.first_answer.median(),
            ours.first_answer.median(),
            20.0,
        ),
        compared("process start to first effect, TLS, 5 ms away, ms", figures, |of| {
            &of.first_effect
        }),
        faster(
            Row::times("warm batch of 10 new wishes, p50, ms", figures, |of| &of.warm),
            rival.warm.median(),
            ours.warm.median(),
            10.0,
        ),
        ninetieth("... p90, ms", figures, |of| &of.warm),
        compared("warm batch of 10 redelivered messages, p50, ms", figures, |of| &of.duplicates),
        compared("processor time to the first answer, ms", figures, |of| &of.first_work),
        compared("processor time of a warm batch of 10 new wishes, ms", figures, |of| {
            &of.warm_work
        }),
        at_most(
            Row::times("warm batch of 10 new wishes, 5 ms away, p50, ms", figures, |of| {
                &of.warm_away
            }),
            ours.warm_away.median(),
            unavoidable,
            1.3,
            " the round trips",
        ),
        compared("... of which store and simulator, ms", figures, |of| &of.away_services),
    ]
}

/// Medians without a goal.
fn compared(figure: &str, figures: &Figures, of: impl Fn(&Of) -> &Sample) -> Row {
    let (rival, ours) = (of(&figures.rival).median(), of(&figures.ours).median());
    Row::times(figure, figures, of).ratio(rival, ours, "")
}

fn ninetieth(figure: &str, figures: &Figures, of: impl Fn(&Of) -> &Sample) -> Row {
    let value = |contestant| of(figures.of(contestant)).ninetieth();
    let cell = |contestant| value(contestant).map(number).unwrap_or_default();
    Row {
        figure: figure.to_owned(),
        rival: cell(Contestant::Rival),
        bare: cell(Contestant::Bare),
        ours: cell(Contestant::Ours),
        ..Row::default()
    }
    .ratio(value(Contestant::Rival), value(Contestant::Ours), "")
}

fn memory(figures: &Figures) -> Row {
    let peak = |contestant| figures.of(contestant).memory.most().map(|bytes| bytes / MB);
    let cell = |contestant| peak(contestant).map(number).unwrap_or_default();
    let ours = peak(Contestant::Ours);
    Row {
        figure: "peak resident memory, MB".to_owned(),
        rival: cell(Contestant::Rival),
        bare: cell(Contestant::Bare),
        ours: cell(Contestant::Ours),
        ..Row::default()
    }
    .ratio(peak(Contestant::Rival), ours, "")
    .goal("<= 20 MB", ours.is_some_and(|ours| ours <= 20.0))
}

fn zip(name: &str, bytes: u64) -> Row {
    let megabytes = f64_of(bytes) / MB;
    let row = Row { ours: number(megabytes), ..Row::default() };
    if name == "bare" {
        return Row { figure: "zip of bare, MB".to_owned(), bare: row.ours, ..Row::default() };
    }
    Row { figure: format!("zip of {name}, MB"), ..row }.goal("<= 4 MB", megabytes <= 4.0)
}

/// The long run: its laps in their order, and whether the last are as the first.
fn long_run(figures: &Figures) -> Vec<Row> {
    let laps = &figures.laps;
    let total = f64_of(LAP * u64::try_from(laps.len()).unwrap_or_default());
    let seconds: Vec<_> = laps.iter().map(|lap| lap.time.as_secs_f64()).collect();
    let busy: Vec<_> = laps.iter().map(|lap| lap.busy.as_secs_f64()).collect();
    let memory: Vec<_> = laps.iter().map(|lap| f64_of(lap.memory) / MB).collect();
    let row = |figure: &str, values: &[f64]| Row {
        figure: format!("{total} wishes through one process: {figure}"),
        ours: ends(values),
        ..Row::default()
    };
    vec![
        row("memory after each 10,000, MB", &memory)
            .ratio(last(&memory), memory.first().copied(), " first")
            .goal("flat: <= 1.1 x", is_steady(&memory)),
        row("time of each 10,000, s", &seconds)
            .ratio(last(&seconds), first(&seconds), " first")
            .goal("linear: <= 1.1 x", is_steady(&seconds)),
        row("of which store and simulator, s", &busy).ratio(last(&busy), first(&busy), " first"),
        Row {
            ours: number(f64_of(figures.long_peak) / MB),
            ..row("peak resident memory, MB", &[])
        },
    ]
}

/// The first value and the last one, and the median with its spread.
fn ends(values: &[f64]) -> String {
    let (Some(first), Some(last)) = (values.first(), values.last()) else {
        return String::new();
    };
    let (first, last) = (number(*first), number(*last));
    format!("{first} to {last}, {}", spread(&Sample::from(values)))
}

/// Whether the last third is what the first third was.
fn is_steady(values: &[f64]) -> bool {
    quotient(last(values), first(values)).is_some_and(|ratio| ratio <= STEADY)
}

/// The median of the first third.
fn first(values: &[f64]) -> Option<f64> {
    median(&values[..values.len().div_ceil(3)])
}

/// The median of the last third.
fn last(values: &[f64]) -> Option<f64> {
    median(&values[values.len() - values.len().div_ceil(3)..])
}

fn median(values: &[f64]) -> Option<f64> {
    Sample::from(values).median()
}

fn quotient(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    let (one, other) = (one?, other?);
    (other > 0.0).then(|| one / other)
}

/// The median, the least and the most.
fn spread(sample: &Sample) -> String {
    match (sample.median(), sample.least(), sample.most()) {
        (Some(median), Some(least), Some(most)) => {
            format!("{} ({}..{})", number(median), number(least), number(most))
        }
        _ => String::new(),
    }
}

/// Three digits, as far as there are any before the point.
fn number(value: f64) -> String {
    format!("{value:.*}", decimals(value))
}

fn decimals(value: f64) -> usize {
    match value {
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Counts;

    #[test]
    fn a_count_above_its_goal_is_missed_on_every_machine() {
        let counts = Counts { new: 3, calls: 10, ..Counts::default() };
        let ours = Of { counts, warm: Sample::from(&[100.0][..]), ..Of::default() };
        let rows = rows(&Figures { ours, ..Figures::default() }, &[]);
        assert_eq!(missed_counts(&rows), ["DynamoDB requests, batch of 10 new wishes"]);
    }

    #[test]
    fn ten_times_faster_is_judged_by_medians() {
        let of = |values: &[f64]| Of { warm: Sample::from(values), ..Of::default() };
        let judged = |rival: &[f64], ours: &[f64]| {
            let figures = Figures { rival: of(rival), ours: of(ours), ..Figures::default() };
            let rows = rows(&figures, &[]);
            let row = rows.into_iter().find(|row| row.goal == ">= 10 x");
            row.map(|row| (row.ratio, row.reached))
        };
        assert_eq!(judged(&[40.0, 50.0, 900.0], &[5.0]), Some(("10.0 x".into(), Some(true))));
        assert_eq!(judged(&[40.0], &[5.0, 5.0, 1.0]), Some(("8.00 x".into(), Some(false))));
    }

    #[test]
    fn three_round_trips_and_the_work_of_the_services_cannot_be_avoided() {
        let judged = |away: f64, services: f64| {
            let (warm_away, away_services) =
                (Sample::from(&[away][..]), Sample::from(&[services][..]));
            let ours = Of { warm_away, away_services, ..Of::default() };
            let rows = rows(&Figures { ours, ..Figures::default() }, &[]);
            let row = rows.into_iter().find(|row| row.goal == "<= 1.3 x the round trips");
            row.and_then(|row| row.reached)
        };
        assert_eq!(judged(19.4, 0.0), Some(true));
        assert_eq!(judged(19.6, 0.0), Some(false));
        assert_eq!(judged(25.9, 5.0), Some(true));
        assert_eq!(judged(26.1, 5.0), Some(false));
    }

    #[test]
    fn a_run_is_steady_where_its_end_is_as_its_beginning() {
        assert!(is_steady(&[5.0, 5.1, 4.9, 9.0, 5.2, 5.1]));
        assert!(!is_steady(&[5.0, 5.5, 6.0, 6.5, 7.0, 7.5]));
        assert!(!is_steady(&[]));
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row =
            Row { figure: "a long figure".to_owned(), ours: "1".to_owned(), ..Row::default() };
        let text = render(&[row]);
        let widths: Vec<_> = text.lines().map(|line| line.chars().count()).collect();
        assert_eq!(widths.len(), 3);
        assert!(widths.iter().all(|width| *width == widths[0]), "{text}");
    }
}
