/**
 * The simulated clock: a queue of things to happen, in order of time, then of scheduling. Two kinds:
 * *deliveries* (bytes, connects, closes) that `drive` runs to the last one, and *appointments* (ticks, slow
 * readers) that happen only when the time reaches them, so that `drive` ends although a ticker never does.
 */
export interface SimClock {
  now(): number;
  deliver(afterMs: number, run: () => void): void;
  /** At a time of the clock; absolute, so that rounding cannot reorder what must stay in order. */
  deliverAt(atMs: number, run: () => void): void;
  appoint(afterMs: number, run: () => void): Appointment;
  /** Runs every delivery, moving time only as far as they need. Returns how many events ran. */
  drive(): number;
  /** Runs everything due in the next `ms` milliseconds and ends exactly there. */
  advance(ms: number): void;
  /** Time passes and nothing happens: what was due comes late, all at once, when the clock runs again. */
  stall(ms: number): void;
  readonly deliveries: number;
}

export interface Appointment {
  cancel(): void;
}

interface Event {
  readonly at: number;
  readonly order: number;
  readonly isDelivery: boolean;
  cancelled: boolean;
  readonly run: () => void;
}

/** More events than any scenario needs: past it something feeds itself. */
const EVENTS_PER_DRIVE_MAX = 20_000_000;

export function createClock(startMs: number): SimClock {
  const heap: Event[] = [];
  let now = startMs;
  let order = 0;
  let deliveries = 0;

  const schedule = (at: number, isDelivery: boolean, run: () => void): Event => {
    if (!(at >= now)) throw new RangeError(`cannot schedule at ${at}: it is ${now} already`);
    const event: Event = { at, order: order++, isDelivery, cancelled: false, run };
    if (isDelivery) deliveries++;
    push(heap, event);
    return event;
  };

  const step = (): void => {
    const event = pop(heap);
    if (event.cancelled) return;
    if (event.isDelivery) deliveries--;
    if (event.at > now) now = event.at;
    event.run();
  };

  return {
    now: () => now,
    deliver(afterMs, run) {
      schedule(now + afterMs, true, run);
    },
    deliverAt(atMs, run) {
      schedule(atMs, true, run);
    },
    appoint(afterMs, run) {
      const event = schedule(now + afterMs, false, run);
      return {
        cancel() {
          event.cancelled = true;
        },
      };
    },
    drive() {
      let ran = 0;
      while (deliveries > 0) {
        step();
        if (++ran > EVENTS_PER_DRIVE_MAX) throw new Error("the simulation never comes to rest");
      }
      return ran;
    },
    advance(ms) {
      const until = now + ms;
      for (let next = heap[0]; next !== undefined && next.at <= until; next = heap[0]) step();
      now = until;
    },
    stall(ms) {
      now += ms;
    },
    get deliveries() {
      return deliveries;
    },
  };
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function push(heap: Event[], event: Event): void {
  let i = heap.length;
  heap.push(event);
  while (i > 0) {
    const parent = (i - 1) >> 1;
    const above = heap[parent] as Event;
    if (!isBefore(event, above)) break;
    heap[i] = above;
    i = parent;
  }
  heap[i] = event;
}

function pop(heap: Event[]): Event {
  const top = heap[0] as Event;
  const last = heap.pop() as Event;
  const length = heap.length;
  if (length === 0) return top;
  let i = 0;
  for (;;) {
    let child = 2 * i + 1;
    if (child >= length) break;
    if (child + 1 < length && isBefore(heap[child + 1] as Event, heap[child] as Event)) child++;
    if (!isBefore(heap[child] as Event, last)) break;
    heap[i] = heap[child] as Event;
    i = child;
  }
  heap[i] = last;
  return top;
}
