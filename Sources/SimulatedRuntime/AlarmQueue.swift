/// Alarms by time; those of the same time in the order in which they were set.
struct AlarmQueue {
    /// Without the alarm itself: moving it about would count references all the time.
    private struct Entry {
        let time: UInt64
        let number: UInt64
        let place: Int

        func precedes(_ other: Entry) -> Bool {
            (self.time, self.number) < (other.time, other.number)
        }
    }

    /// A binary heap: no entry precedes its parent.
    private var heap: [Entry] = []
    private var number: UInt64 = 0
    /// The alarms of the entries, and the places that are free.
    private var alarms: [Alarm?] = []
    private var free: [Int] = []

    mutating func add(_ alarm: Alarm, at time: UInt64) {
        self.number += 1
        let place = self.free.popLast() ?? self.alarms.count
        if place < self.alarms.count {
            self.alarms[place] = alarm
        } else {
            self.alarms.append(alarm)
        }
        let entry = Entry(time: time, number: self.number, place: place)
        self.heap.append(entry)
        var index = self.heap.count - 1
        while index > 0 {
            let parent = (index - 1) / 2
            guard entry.precedes(self.heap[parent]) else { break }
            self.heap[index] = self.heap[parent]
            index = parent
        }
        self.heap[index] = entry
    }

    /// Takes the earliest alarm that is not spent.
    mutating func next() -> (time: UInt64, alarm: Alarm)? {
        while let first = self.heap.first, let last = self.heap.popLast() {
            if !self.heap.isEmpty { self.sink(last) }
            defer { self.free.append(first.place) }
            guard let alarm = self.alarms[first.place].take(), !alarm.isSpent else { continue }
            return (first.time, alarm)
        }
        return nil
    }

    /// Puts an entry in the place of the first one.
    private mutating func sink(_ entry: Entry) {
        var index = 0
        while true {
            var least = 2 * index + 1
            guard least < self.heap.count else { break }
            if least + 1 < self.heap.count, self.heap[least + 1].precedes(self.heap[least]) {
                least += 1
            }
            guard self.heap[least].precedes(entry) else { break }
            self.heap[index] = self.heap[least]
            index = least
        }
        self.heap[index] = entry
    }
}
