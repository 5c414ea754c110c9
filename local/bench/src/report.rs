//! What is shown of a run, and `docs/benchmarks.md`, written whole by each.

use jiff::Timestamp;

use crate::machine::Machine;
use crate::measure::Plan;

/// The table with the machine, and the counts that it misses.
pub(crate) fn screen(table: &str, machine: &Machine, missed: &[&str]) -> String {
    let verdict = match missed {
        [] => "Every count is what it has to be.".to_owned(),
        missed => format!("Missed: {}.", missed.join("; ")),
    };
    format!("{table}\n{machine}\n{verdict}\n")
}

/// The document around the table.
pub(crate) fn document(table: &str, machine: &Machine, plan: &Plan, commit: &str) -> String {
    let Plan { rounds, batches, wishes } = plan;
    let date = Timestamp::now().strftime("%Y-%m-%d");
    let (duplicates, away) = (batches.div_ceil(3), batches.div_ceil(6));
    format!(
        "# Benchmarks

`make bench` measures, prints the table below, and writes this document whole. It fails where a *count* misses
what it has to reach; times are judged too, but a busy machine does not make it fail.

- Run on {date}, of commit {commit}, {rounds} rounds.
- On {machine}.

{table}
Times and memory: median (least..most); memory is the most of any process. 1 MB is 1,000,000 bytes.

## Who is measured

- **rival**: the same job with Powertools for AWS Lambda (Python), its batch processor and its idempotency with
  DynamoDB, and boto3, run by `awslambdaric`, Lambda's own runtime client, on the Python that ran `make bench`.
  Its versions are in `local/requirements/rival.txt`; the handler, with the choices made in its favour, is
  `local/bench/rival/handler.py`. It logs nothing; ours logs a line per wish and its metrics.
- **bare**: a binary of the same runtime crate and build profile that does nothing. It is the floor.
- **ours**: `start-image-pipeline-execution`, built as it is deployed.

## How

One process, `bench`, is everything around them: a Lambda Runtime API, a DynamoDB engine (dynoxide, in memory),
and the simulator of Image Builder. All contestants speak to the same ones over the loopback interface. Each
round starts each contestant anew, in turns, and nobody is always first, so what disturbs the machine disturbs
all of them. Every answer leaves in one write with TCP_NODELAY. The processes' output goes to files. `bench` takes
its memory from mimalloc, the contestants theirs from the C library: what it works itself, all of them wait for.

After every part the simulator is asked how many builds were started. The run fails where a batch has a failure,
or where there are more or fewer builds than wishes.

## What the rows mean

- **DynamoDB requests** are counted on the wire, by `X-Amz-Target`, before the store. A batch has ten messages of
  ten pipelines. *Redelivered* are the same messages again; *producer duplicates* are other messages with the
  same `clientToken`.
- **Write units** are the engine's own `ConsumedCapacity` for the ten new wishes, **largest item** is by
  DynamoDB's rule: names and values.
- **Process start** is the moment before the process is spawned, **first poll** the arrival of its first request
  for an event. An **answer** has arrived when its request has been read. Lambda itself adds, to all of them,
  what it takes to fetch the code and to start a sandbox.
- **First effect** is the arrival of the first call at Image Builder, over TLS, with 5 ms added to each answer
  of DynamoDB and Image Builder, and two such round trips before each new connection's handshake is answered.
  The trusted certificates are the system's and ours.
- **Warm batches** are timed from handing over the event to having the answer: {batches} in each round after 5
  that are not counted, {duplicates} of redelivered messages, {away} with the 5 ms added.
- **5 ms away**: a claim, a call and a settlement cannot be made together, so that 3 x 5 ms cannot be avoided, nor
  what store and simulator work for their answers, which the 5 ms are added to: these are the round trips that the
  ratio is of. Of 15 ms alone the time is more than 1.3 times wherever the two work for milliseconds, as they do
  here; the row below it says how long. The waiting is exact to about a tenth of a millisecond.
- **Processor time** is what the process's threads had of a core, by `/proc/PID/task/*/schedstat`. It does not
  wait for others, and so differs least from run to run; and at little memory, Lambda gives a fraction of a core.
- **Memory** is `VmHWM` of `/proc/PID/status` after all batches of a round.
- **Zips** hold the stripped binary by itself, as `bootstrap`, deflated at level 9.
- **{wishes} wishes** go through one process in batches of ten, all of them new. The first and the last lap are
  shown, with the spread; the ratio is that of the last third's median to the first third's. Store and
  simulator take longer the more they hold, so the store is made anew after each lap, and the simulator after
  each thousand. What both of them worked is shown, so that it is not taken for ours.

## What they do not mean

- Times on Lambda are others: its processor share at little memory is a fraction of a core. The ratios are what
  to go by.
- All of it shares a machine: where there are two cores, one serves and one works.
- The engine works on a batch for milliseconds of this machine, one statement after another, and a single item in a
  fraction of one; DynamoDB takes some milliseconds for either. That is why the rows with 5 ms are there.
"
    )
}
