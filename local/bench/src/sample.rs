//! Measurements, and what is said of them.

/// Measurements of one thing, in any order and one unit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample(Vec<f64>);

impl Sample {
    pub(crate) fn add(&mut self, value: f64) {
        self.0.push(value);
    }

    pub(crate) fn extend(&mut self, values: impl IntoIterator<Item = f64>) {
        self.0.extend(values);
    }

    pub(crate) fn median(&self) -> Option<f64> {
        let sorted = self.sorted();
        let (below, above) =
            (sorted.get(sorted.len().saturating_sub(1) / 2)?, sorted.get(sorted.len() / 2)?);
        Some(f64::midpoint(*below, *above))
    }

    /// The smallest value that nine tenths do not exceed.
    pub(crate) fn ninetieth(&self) -> Option<f64> {
        let sorted = self.sorted();
        sorted.get((sorted.len() * 9).div_ceil(10).checked_sub(1)?).copied()
    }

    pub(crate) fn least(&self) -> Option<f64> {
        self.0.iter().copied().min_by(f64::total_cmp)
    }

    pub(crate) fn most(&self) -> Option<f64> {
        self.0.iter().copied().max_by(f64::total_cmp)
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

impl From<&[f64]> for Sample {
    fn from(values: &[f64]) -> Self {
        Self(values.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two() {
        assert_eq!(Sample::from(&[5.0, 1.0, 3.0][..]).median(), Some(3.0));
        assert_eq!(Sample::from(&[4.0, 1.0, 3.0, 2.0][..]).median(), Some(2.5));
        assert_eq!(Sample::from(&[7.0][..]).median(), Some(7.0));
    }

    #[test]
    fn nine_tenths_do_not_exceed_the_ninetieth() {
        let ten: Vec<_> = (1..=10).map(f64::from).collect();
        assert_eq!(Sample::from(&ten[..]).ninetieth(), Some(9.0));
        assert_eq!(Sample::from(&[1.0, 2.0][..]).ninetieth(), Some(2.0));
    }

    #[test]
    fn the_spread_is_from_the_least_to_the_most() {
        let sample = Sample::from(&[2.0, 9.0, 1.0][..]);
        assert_eq!((sample.least(), sample.most()), (Some(1.0), Some(9.0)));
    }

    #[test]
    fn nothing_is_said_of_no_measurements() {
        let none = Sample::default();
        assert_eq!(
            (none.median(), none.ninetieth(), none.least(), none.most()),
            (None, None, None, None)
        );
    }
}
