//! External events that were not taken yet, and the futures that wait for one.
//!
//! Names match without regard to letter case. Per name, events and futures are first in, first out;
//! an event without a future that waits is kept.

use std::collections::{BTreeMap, VecDeque};
use std::task::Waker;

use super::waiters::{Waiter, Waiters};
use crate::engine::payload::{Payload, Source};

/// An event that was raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Raised {
    /// The number of the event in its execution: the order in which events are carried over.
    arrival: u64,
    /// As the sender spelled it.
    pub(crate) name: String,
    /// The payload as JSON text.
    pub(crate) input: Payload,
}

#[derive(Debug, Default)]
pub(crate) struct Inbox {
    arrivals: u64,
    queues: BTreeMap<String, Queue>,
    receivers: Vec<Receiver>,
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Raised>,
    /// The numbers of the receivers that wait.
    receivers: VecDeque<usize>,
}

/// A future that gets one event.
#[derive(Debug)]
struct Receiver {
    queue: String,
    event: Delivery,
    waker: Option<Waiter>,
}

#[derive(Debug)]
enum Delivery {
    Awaited,
    Arrived(Raised),
    Taken,
}

impl Receiver {
    fn deliver(&mut self, raised: Raised) -> &mut Option<Waiter> {
        self.event = Delivery::Arrived(raised);
        &mut self.waker
    }
}

impl Inbox {
    /// An event has arrived: it goes to the first receiver that waits for it, or it is kept.
    #[must_use]
    pub(super) fn raise(
        &mut self,
        name: &str,
        input: Payload,
        waiters: &mut Waiters,
    ) -> Option<Waker> {
        let raised = Raised {
            arrival: self.arrivals,
            name: name.to_owned(),
            input,
        };
        self.arrivals += 1;
        let queue = self.queues.entry(name.to_lowercase()).or_default();
        let Some(receiver) = queue
            .receivers
            .pop_front()
            .and_then(|receiver| self.receivers.get_mut(receiver))
        else {
            queue.events.push_back(raised);
            return None;
        };
        waiters.release(receiver.deliver(raised))
    }

    /// Waits for the next event of a name; gives the number of the receiver.
    pub(super) fn wait_for(&mut self, name: &str) -> usize {
        let key = name.to_lowercase();
        let queue = self.queues.entry(key.clone()).or_default();
        let id = self.receivers.len();
        let event = match queue.events.pop_front() {
            Some(raised) => Delivery::Arrived(raised),
            None => {
                queue.receivers.push_back(id);
                Delivery::Awaited
            }
        };
        self.receivers.push(Receiver {
            queue: key,
            event,
            waker: None,
        });
        id
    }

    /// The event of a receiver, if it has arrived; otherwise `waker` will be woken.
    pub(super) fn poll(
        &mut self,
        receiver: usize,
        waker: &Waker,
        waiters: &mut Waiters,
    ) -> Option<Raised> {
        let receiver = self.receivers.get_mut(receiver)?;
        match std::mem::replace(&mut receiver.event, Delivery::Taken) {
            Delivery::Arrived(raised) => Some(raised),
            Delivery::Taken => None,
            Delivery::Awaited => {
                receiver.event = Delivery::Awaited;
                waiters.register(&mut receiver.waker, waker);
                None
            }
        }
    }

    /// The future of a receiver is gone. An event that had arrived for it goes to the next receiver,
    /// or back to its place: nothing that was accepted is lost.
    ///
    /// What is returned belongs to users and is to be dropped once the borrow has ended.
    #[must_use]
    pub(super) fn stop_waiting(
        &mut self,
        receiver: usize,
        waiters: &mut Waiters,
    ) -> Option<Waiter> {
        let entry = self.receivers.get_mut(receiver)?;
        let waiter = waiters.remove(&mut entry.waker);
        let event = std::mem::replace(&mut entry.event, Delivery::Taken);
        let queue = self.queues.entry(entry.queue.clone()).or_default();
        match event {
            Delivery::Taken => {}
            Delivery::Awaited => queue.receivers.retain(|&other| other != receiver),
            Delivery::Arrived(raised) => match queue.receivers.pop_front() {
                // Another future waits for an event of this name by now.
                Some(next) => {
                    if let Some(next) = self.receivers.get_mut(next) {
                        waiters.release_later(next.deliver(raised));
                    }
                }
                None => {
                    let place = queue
                        .events
                        .partition_point(|event| event.arrival < raised.arrival);
                    queue.events.insert(place, raised);
                }
            },
        }
        waiter
    }

    /// The events that were not taken, in the order of their arrival.
    pub(super) fn unconsumed(&self) -> Vec<Raised> {
        let kept = self.queues.values().flat_map(|queue| &queue.events);
        let undelivered = self
            .receivers
            .iter()
            .filter_map(|receiver| match &receiver.event {
                Delivery::Arrived(raised) => Some(raised),
                _ => None,
            });
        let mut events: Vec<_> = kept.chain(undelivered).cloned().collect();
        events.sort_by_key(|event| event.arrival);
        events
    }

    /// Makes the payloads independent of the request of the turn that ends now.
    pub(super) fn detach(&mut self, source: &Source) {
        for queue in self.queues.values_mut() {
            for raised in &mut queue.events {
                source.detach(&mut raised.input);
            }
        }
        for receiver in &mut self.receivers {
            if let Delivery::Arrived(raised) = &mut receiver.event {
                source.detach(&mut raised.input);
            }
        }
    }
}
