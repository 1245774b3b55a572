//! Sums of many: each hears all the others. One mixer serves every room of a tick.

use super::{FRAME, Frame, RoomId};

/// Rooms of one tick. `clear`, `add` every member's frame, then `others` for each; memory is kept from tick to tick.
#[derive(Debug, Default)]
pub struct Mixer {
    rooms: Vec<Sum>,
    used: usize,
}

#[derive(Debug)]
struct Sum {
    room: RoomId,
    members: u32,
    total: [i32; FRAME],
}

impl Mixer {
    pub fn clear(&mut self) {
        self.used = 0;
    }

    pub fn add(&mut self, room: RoomId, frame: &Frame) {
        let found = self.rooms[..self.used].iter().position(|sum| sum.room == room);
        let place = found.unwrap_or_else(|| {
            if self.used == self.rooms.len() {
                self.rooms.push(Sum { room, members: 0, total: [0; FRAME] });
            }
            let sum = &mut self.rooms[self.used];
            (sum.room, sum.members) = (room, 0);
            sum.total.fill(0);
            self.used += 1;
            self.used - 1
        });
        let sum = &mut self.rooms[place];
        sum.members += 1;
        for (total, sample) in sum.total.iter_mut().zip(frame) {
            *total += i32::from(*sample);
        }
    }

    /// What a member hears: everyone but `own`. `None` if it is alone.
    pub fn others(&self, room: RoomId, own: &Frame) -> Option<Frame> {
        let sum = self.rooms[..self.used].iter().find(|sum| sum.room == room && sum.members > 1)?;
        let mut heard = [0; FRAME];
        for ((heard, total), own) in heard.iter_mut().zip(&sum.total).zip(own) {
            *heard = clip(total - i32::from(*own));
        }
        Some(heard)
    }
}

/// `into` plus `other`, held inside the range.
pub fn add(into: &mut Frame, other: &Frame) {
    for (sample, more) in into.iter_mut().zip(other) {
        *sample = clip(i32::from(*sample) + i32::from(*more));
    }
}

fn clip(sum: i32) -> i16 {
    sum.clamp(-32_767, 32_767) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hears_the_others_and_never_itself() {
        let mut mixer = Mixer::default();
        let (a, b, c) = ([1_000; FRAME], [200; FRAME], [30; FRAME]);
        for frame in [&a, &b, &c] {
            mixer.add(RoomId(7), frame);
        }
        mixer.add(RoomId(8), &a);
        assert_eq!(mixer.others(RoomId(7), &a), Some([230; FRAME]));
        assert_eq!(mixer.others(RoomId(7), &c), Some([1_200; FRAME]));
        assert_eq!(mixer.others(RoomId(8), &a), None, "alone in its room");
        mixer.clear();
        mixer.add(RoomId(8), &b);
        mixer.add(RoomId(8), &c);
        assert_eq!(mixer.others(RoomId(8), &b), Some(c), "nothing of the last tick is left");
    }

    #[test]
    fn a_loud_sum_is_held_at_the_rim() {
        let mut mixer = Mixer::default();
        let loud = [30_000; FRAME];
        (0..3).for_each(|_| mixer.add(RoomId(1), &loud));
        assert_eq!(mixer.others(RoomId(1), &loud), Some([32_767; FRAME]));
    }
}
