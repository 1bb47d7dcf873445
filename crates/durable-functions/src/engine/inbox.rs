//! External events: those that wait for a taker, and those who wait for an event.
//!
//! Names match without regard to letter case. Per name, events and waiters are first in, first out;
//! an event that nobody waits for is kept.

use std::collections::{BTreeMap, VecDeque};
use std::task::Waker;

use super::payload::{Payload, Source};
use super::state::{State, Waiter};

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
    waiters: Vec<Taker>,
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Raised>,
    waiters: VecDeque<usize>,
}

#[derive(Debug)]
struct Taker {
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

impl Inbox {
    /// Cuts the ties to the request of the turn that ends now.
    pub(crate) fn detach(&mut self, source: &Source) {
        for queue in self.queues.values_mut() {
            for raised in &mut queue.events {
                source.detach(&mut raised.input);
            }
        }
        for waiter in &mut self.waiters {
            if let Delivery::Arrived(raised) = &mut waiter.event {
                source.detach(&mut raised.input);
            }
        }
    }
}

impl State {
    /// An event has arrived: it goes to the first who waits for it, or it is kept.
    #[must_use]
    pub(crate) fn raise(&mut self, name: &str, input: Option<&[u8]>) -> Option<Waker> {
        if let Some(waker) = self.entity_answered(name, input) {
            return waker;
        }
        let input = self.source.payload(input);
        let inbox = self.inbox.get_or_insert_default();
        let raised = Raised {
            arrival: inbox.arrivals,
            name: name.to_owned(),
            input,
        };
        inbox.arrivals += 1;
        let queue = inbox.queues.entry(name.to_lowercase()).or_default();
        let Some(waiter) = queue
            .waiters
            .pop_front()
            .and_then(|waiter| inbox.waiters.get_mut(waiter))
        else {
            queue.events.push_back(raised);
            return None;
        };
        waiter.event = Delivery::Arrived(raised);
        let waker = waiter.waker.take();
        self.release(waker)
    }

    /// Waits for the next event of a name; gives the number of the waiter.
    pub(crate) fn wait_for(&mut self, name: &str) -> usize {
        let key = name.to_lowercase();
        let inbox = self.inbox.get_or_insert_default();
        let queue = inbox.queues.entry(key.clone()).or_default();
        let id = inbox.waiters.len();
        let event = match queue.events.pop_front() {
            Some(raised) => Delivery::Arrived(raised),
            None => {
                queue.waiters.push_back(id);
                Delivery::Awaited
            }
        };
        inbox.waiters.push(Taker {
            queue: key,
            event,
            waker: None,
        });
        id
    }

    /// What the future of a waiter finds when it is polled.
    pub(crate) fn poll_event(&mut self, waiter: usize, waker: &Waker) -> Option<Raised> {
        if self.continued.is_some() {
            // Nothing counts any more; the next generation gets the event.
            return None;
        }
        let waiter = self.inbox.as_deref_mut()?.waiters.get_mut(waiter)?;
        match std::mem::replace(&mut waiter.event, Delivery::Taken) {
            Delivery::Arrived(raised) => Some(raised),
            Delivery::Taken => None,
            Delivery::Awaited => {
                waiter.event = Delivery::Awaited;
                Self::register(&mut waiter.waker, &mut self.waiting, self.root, waker);
                None
            }
        }
    }

    /// The future of a waiter is gone. An event that had arrived for it goes back to where it was:
    /// nothing that was accepted is lost.
    pub(crate) fn stop_waiting(&mut self, waiter: usize) {
        let Some(inbox) = self.inbox.as_deref_mut() else {
            return;
        };
        let Some(entry) = inbox.waiters.get_mut(waiter) else {
            return;
        };
        if entry.waker.take().is_some() {
            self.waiting -= 1;
        }
        let event = std::mem::replace(&mut entry.event, Delivery::Taken);
        let queue = inbox.queues.entry(entry.queue.clone()).or_default();
        match event {
            Delivery::Taken => {}
            Delivery::Awaited => queue.waiters.retain(|&other| other != waiter),
            Delivery::Arrived(raised) => match queue.waiters.pop_front() {
                // Somebody else waits for an event of this name by now.
                Some(next) => {
                    if let Some(next) = inbox.waiters.get_mut(next) {
                        next.event = Delivery::Arrived(raised);
                        let waker = next.waker.take();
                        let waker = self.release(waker);
                        self.late_wakers.extend(waker);
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
    }

    /// The events that nobody took, in the order of their arrival.
    pub(crate) fn unconsumed(&self) -> Vec<Raised> {
        let Some(inbox) = self.inbox.as_deref() else {
            return Vec::new();
        };
        let kept = inbox.queues.values().flat_map(|queue| &queue.events);
        let undelivered = inbox
            .waiters
            .iter()
            .filter_map(|waiter| match &waiter.event {
                Delivery::Arrived(raised) => Some(raised),
                _ => None,
            });
        let mut events: Vec<_> = kept.chain(undelivered).cloned().collect();
        events.sort_by_key(|event| event.arrival);
        events
    }
}
