//! Waiting exactly.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// Waits to within a tenth of a millisecond, where Tokio's own timer is exact to one. What waits is served
/// in the order in which it came, so one timer is for waits of one length.
#[derive(Clone, Debug)]
pub(crate) struct Timer(mpsc::Sender<(Instant, oneshot::Sender<()>)>);

impl Timer {
    pub(crate) fn start() -> Self {
        let (ask, asked) = mpsc::channel::<(Instant, oneshot::Sender<()>)>();
        thread::spawn(move || {
            for (at, done) in asked {
                thread::sleep(at.saturating_duration_since(Instant::now()));
                // Who waited may be gone.
                let _ = done.send(());
            }
        });
        Self(ask)
    }

    pub(crate) async fn wait(&self, time: Duration) {
        let (done, is_done) = oneshot::channel();
        if self.0.send((Instant::now() + time, done)).is_ok() {
            // The thread ends with its last sender, which is this one at the earliest.
            let _ = is_done.await;
        }
    }
}
