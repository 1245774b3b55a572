//! Two endpoints over a link that loses, repeats and reorders, with orders at random times. Whatever happens, each leg is released exactly once
//! and nothing is left.

use super::*;
use std::collections::BTreeMap;

const LEFT: &str = "192.0.2.1:5060";
const RIGHT: &str = "192.0.2.7:5060";

/// xorshift64*: the link's own dice.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % sides
    }
}

struct World {
    ends: [Endpoint; 2],
    at: WorkerTime,
    dice: Dice,
    loss_percent: u64,
    /// (arrival, number) -> (to, bytes).
    flying: BTreeMap<(WorkerTime, u64), (usize, Vec<u8>)>,
    number: u64,
    /// State of each leg by end and key: true once released.
    legs: BTreeMap<(usize, LegKey), bool>,
    /// Orders to come.
    plan: BTreeMap<(WorkerTime, u64), (usize, u64)>,
}

impl World {
    fn new(seed: u64, loss_percent: u64) -> Self {
        let ends = [Endpoint::new(config(LEFT), seed), Endpoint::new(config(RIGHT), seed + 1_000_000)];
        let dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        Self {
            ends,
            at: WorkerTime::ZERO,
            dice,
            loss_percent,
            flying: BTreeMap::new(),
            number: 0,
            legs: BTreeMap::new(),
            plan: BTreeMap::new(),
        }
    }

    fn drain(&mut self) {
        for end in 0..2 {
            while let Some(transmit) = self.ends[end].poll_transmit() {
                let copies = 1 + usize::from(self.dice.roll(100) < self.loss_percent);
                for _ in 0..copies {
                    if self.dice.roll(100) < self.loss_percent {
                        continue;
                    }
                    let arrival = self.at.after(Millis(1 + self.dice.roll(120)));
                    self.number += 1;
                    self.flying.insert((arrival, self.number), (1 - end, transmit.bytes.to_vec()));
                }
            }
            while let Some(event) = self.ends[end].poll_event() {
                self.react(end, &event);
            }
        }
    }

    fn react(&mut self, end: usize, event: &LegEvent) {
        let leg = event.leg();
        let over = self.legs.entry((end, leg)).or_insert(false);
        assert!(!*over, "{event:?} after Released");
        *over = matches!(event, LegEvent::Released { .. });
        if matches!(event, LegEvent::Incoming { .. }) {
            self.plan_order(end, 0, 500);
            self.plan_order(end, 1, 3_000);
        }
    }

    fn plan_order(&mut self, end: usize, what: u64, within: u64) {
        let at = self.at.after(Millis(self.dice.roll(within)));
        self.number += 1;
        self.plan.insert((at, self.number), (end, what));
    }

    /// Orders may come at the wrong time: then they are refused, never silent, and change nothing.
    fn order(&mut self, end: usize, what: u64) {
        let at = self.at;
        let Some(leg) = self.legs.iter().find(|((of, _), over)| *of == end && !**over).map(|((_, leg), _)| *leg) else { return };
        let host = if end == 0 { "192.0.2.1" } else { "192.0.2.7" };
        let _ = match what {
            0 => self.ends[end].order(at, Order::Ring { leg }),
            1 => self.ends[end].order(at, Order::Answer { leg, media: media(host, 6000) }),
            2 => self.ends[end].order(at, Order::Hold { leg }),
            3 => self.ends[end].order(at, Order::Resume { leg }),
            4 => self.ends[end].order(
                at,
                Order::Refer {
                    leg,
                    refer_to: "sip:x@192.0.2.9".to_owned(),
                    referred_by: None,
                    headers: Vec::new(),
                    invite_headers: Vec::new(),
                    replaces: None,
                },
            ),
            5 => {
                let digit = crate::model::Digit::from_char('5').unwrap();
                self.ends[end].order(at, Order::SendDigit { leg, digit, duration: Millis(100) })
            }
            _ => self.ends[end].order(at, Order::Release { leg, reason: None, unanswered_status: 480 }),
        };
    }

    fn run(&mut self, until: WorkerTime) {
        loop {
            self.drain();
            let arrival = self.flying.keys().next().map(|(at, _)| *at);
            let order = self.plan.keys().next().map(|(at, _)| *at);
            let timers = self.ends.iter().filter_map(Endpoint::next_deadline).map(|(due, _)| due).min();
            let Some(next) = [arrival, order, timers].into_iter().flatten().min().filter(|next| *next <= until) else { break };
            self.at = self.at.max(next);
            if arrival == Some(next) {
                let (_, (to, bytes)) = self.flying.pop_first().unwrap();
                let (local, remote) = if to == 0 { (LEFT, RIGHT) } else { (RIGHT, LEFT) };
                let source = Source { transport: Transport::Udp, local: addr(local), remote: addr(remote), connection: None };
                self.ends[to].receive(self.at, source, &bytes);
            } else if order == Some(next) {
                let (_, (end, what)) = self.plan.pop_first().unwrap();
                self.order(end, what);
            } else {
                self.ends.iter_mut().for_each(|end| end.tick(self.at));
            }
        }
        self.at = until;
    }
}

fn one_call(seed: u64, loss_percent: u64) -> World {
    let mut world = World::new(seed, loss_percent);
    let call = Originate {
        target: format!("sip:right@{RIGHT}"),
        from: format!("sip:left@{LEFT}"),
        from_display: Some("Left".to_owned()),
        destination: Destination::Address { transport: Transport::Udp, remote: addr(RIGHT), connection: None },
        credentials: None,
        media: media("192.0.2.1", 6000),
        headers: Vec::new(),
        ring_timeout: Some(Millis(20_000)),
        redirects: None,
    };
    let leg = world.ends[0].originate(world.at, call).unwrap();
    world.legs.insert((0, leg), false);
    for _ in 0..6 {
        let (end, what) = (usize::try_from(world.dice.roll(2)).unwrap(), 2 + world.dice.roll(4));
        world.plan_order(end, what, 12_000);
    }
    let first = usize::try_from(world.dice.roll(2)).unwrap();
    world.plan_order(first, 9, 15_000);
    if world.dice.roll(2) == 0 {
        world.plan_order(1 - first, 9, 15_000);
    }
    world.run(WorkerTime::from_millis(60_000));
    world.plan_order(0, 9, 1);
    world.plan_order(1, 9, 1);
    world.run(WorkerTime::from_millis(240_000));
    world
}

#[test]
fn hundreds_of_calls_over_a_bad_link_release_every_leg_once_and_leave_nothing() {
    for seed in 1..=300 {
        let world = one_call(seed, if seed % 3 == 0 { 30 } else { 10 });
        for end in 0..2 {
            assert!(
                world.ends[end].is_empty(),
                "seed {seed} end {end}: {:?} {:?}",
                world.ends[end].counts(),
                world.ends[end].next_deadline()
            );
        }
        let open: Vec<_> = world.legs.iter().filter(|(_, over)| !**over).collect();
        assert!(open.is_empty(), "seed {seed}: never released {open:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let facts = |world: &World| (world.number, world.ends[0].counts(), world.ends[1].counts());
    assert_eq!(facts(&one_call(7, 20)), facts(&one_call(7, 20)));
}
