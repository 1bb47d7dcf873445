//! The connections to one address.
//!
//! A server runs a limited number of calls on a connection at a time, a hundred by the default of ASP.NET Core. Further
//! ones are not sent until one of them ends. Calls that wait for an instance take minutes, so that a hundred of them
//! would hold up every other call.
//!
//! Invariant: on each connection at most [`WAITS`] calls wait, so there is room for the others. More waits open more
//! connections, which are closed when nothing waits on them.

use std::sync::{Arc, Mutex, PoisonError};

use tonic::transport::{Channel, Endpoint};

/// How many calls that wait share a connection: half of what a server allows.
const WAITS: usize = 50;

/// The connections to an address; each is opened when it is used first.
#[derive(Clone)]
pub(super) struct Lanes(Arc<Inner>);

struct Inner {
    endpoint: Endpoint,
    /// The first is that of all calls that do not wait.
    lanes: Mutex<Vec<Lane>>,
    main: Channel,
}

struct Lane {
    channel: Channel,
    /// One strong reference is here, and one in each call that waits.
    waits: Arc<()>,
}

/// A connection, kept open for a call that waits.
pub(super) struct Place {
    pub(super) channel: Channel,
    _wait: Arc<()>,
}

impl Lane {
    fn open(channel: Channel) -> Self {
        Self {
            channel,
            waits: Arc::new(()),
        }
    }

    fn waits(&self) -> usize {
        Arc::strong_count(&self.waits) - 1
    }
}

impl Lanes {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        let main = endpoint.connect_lazy();
        Self(Arc::new(Inner {
            endpoint,
            lanes: Mutex::new(vec![Lane::open(main.clone())]),
            main,
        }))
    }

    /// For a call that does not wait.
    pub(super) fn channel(&self) -> Channel {
        self.0.main.clone()
    }

    /// For a call that waits.
    pub(super) fn place(&self) -> Place {
        let mut lanes = self.0.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut first = true;
        lanes.retain(|lane| std::mem::take(&mut first) || lane.waits() > 0);
        let free = lanes.iter().position(|lane| lane.waits() < WAITS);
        let lane = match free.and_then(|index| lanes.get(index)) {
            Some(lane) => lane,
            None => lanes.push_mut(Lane::open(self.0.endpoint.connect_lazy())),
        };
        Place {
            channel: lane.channel.clone(),
            _wait: Arc::clone(&lane.waits),
        }
    }
}
