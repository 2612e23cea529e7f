/// Alarms by time; those of the same time in the order in which they were set.
struct AlarmQueue {
    private struct Entry {
        let time: UInt64
        let number: UInt64
        let alarm: Alarm

        func precedes(_ other: Entry) -> Bool {
            (self.time, self.number) < (other.time, other.number)
        }
    }

    /// A binary heap: no entry precedes its parent.
    private var heap: [Entry] = []
    private var number: UInt64 = 0

    mutating func add(_ alarm: Alarm, at time: UInt64) {
        self.number += 1
        self.heap.append(Entry(time: time, number: self.number, alarm: alarm))
        var index = self.heap.count - 1
        while index > 0 {
            let parent = (index - 1) / 2
            guard self.heap[index].precedes(self.heap[parent]) else { break }
            self.heap.swapAt(index, parent)
            index = parent
        }
    }

    /// Takes the earliest alarm that is not spent.
    mutating func next() -> (time: UInt64, alarm: Alarm)? {
        while let first = self.heap.first {
            self.heap.swapAt(0, self.heap.count - 1)
            self.heap.removeLast()
            self.sink()
            if !first.alarm.isSpent { return (first.time, first.alarm) }
        }
        return nil
    }

    mutating func removeAll() { self.heap.removeAll() }

    private mutating func sink() {
        var index = 0
        while true {
            let left = 2 * index + 1
            guard left < self.heap.count else { return }
            var least = left
            if left + 1 < self.heap.count, self.heap[left + 1].precedes(self.heap[left]) {
                least = left + 1
            }
            guard self.heap[least].precedes(self.heap[index]) else { return }
            self.heap.swapAt(least, index)
            index = least
        }
    }
}
