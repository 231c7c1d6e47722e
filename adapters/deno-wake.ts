/**
 * Has Deno's event loop call us when a descriptor can be read which is no stream, such as an epoll's. Deno waits for the
 * streams that it reads itself, only. So the kernel is asked to poll the descriptor once (`io_submit`, Linux 4.18) and to add
 * to an eventfd then, which Deno reads as a pipe. The eventfd's number says who has added to it:
 *
 *     the kernel, 1 ──► low half     high half ◄── we ourselves, 2^32, to come round by the event loop
 */
import { addressOf, libc, mapped } from "./deno-libc.ts";

/** Deno's handle of a pipe, which it has from Node. */
interface PipeHandle {
  onread: () => void;
  /** Answers 0; from then on the descriptor is the handle's. */
  open(descriptor: number): number;
  useUserBuffer(room: Uint8Array): void;
  readStart(): number;
  ref(): void;
  unref(): void;
}

interface PipeBinding {
  readonly Pipe?: new (type: number) => PipeHandle;
}

// Linux' numbers.
const CLOEXEC_NONBLOCK = 0o2004000;
const IO_SETUP = 206;
const IO_SUBMIT = 209;
const IOCB_CMD_POLL = 5;
const IOCB_FLAG_RESFD = 1;
const POLLIN = 1;

/** A `struct iocb`. */
const BLOCK_BYTES = 64;
const OPCODE_AT = 16;
const DESCRIPTOR_AT = 20;
const EVENTS_AT = 24;
const FLAGS_AT = 56;
const EVENTFD_AT = 60;

/** The head of a `struct aio_ring`, in which the kernel says what is done. Nobody looks; but what was done has to leave. */
const RING_BYTES = 32;
const HEAD_AT = 2;
const TAIL_AT = 3;
/** At least: it is never more than one that is under way. */
const UNDER_WAY_MAX = 2;

const EVENTFD_BYTES = 8;
const BY_KERNEL = 0;
const BY_US = 1;
const ONE_BY_US = new Uint32Array([0, 1]);

export class Wake {
  readonly #pipe: PipeHandle;
  readonly #eventfd: number;
  /** The context of the kernel is known by the address of its ring. */
  readonly #context: Uint8Array;
  readonly #ring: Uint32Array;
  readonly #block: Uint8Array;
  readonly #blocks: BigUint64Array;
  isArmed = false;
  isCalled = false;
  onWake: () => void = () => {};

  constructor(pipe: PipeHandle, eventfd: number, context: Uint8Array, block: Uint8Array) {
    this.#pipe = pipe;
    this.#eventfd = eventfd;
    this.#context = context;
    this.#ring = new Uint32Array(context.buffer);
    this.#block = block;
    this.#blocks = new BigUint64Array([addressOf(block)]);
    const room = new Uint8Array(EVENTFD_BYTES);
    const added = new Uint32Array(room.buffer);
    pipe.useUserBuffer(room);
    // Before reading starts: it is looked at then.
    pipe.onread = () => {
      if (added[BY_KERNEL] !== 0) this.isArmed = false;
      if (added[BY_US] !== 0) this.isCalled = false;
      this.onWake();
    };
  }

  /** The next time only. False where the kernel can't. */
  arm(): boolean {
    this.#ring[HEAD_AT] = this.#ring[TAIL_AT] as number;
    this.isArmed = libc!.io_submit(IO_SUBMIT, this.#context, this.#block.length / BLOCK_BYTES, this.#blocks) === 1;
    return this.isArmed;
  }

  /** Has `onWake` called when Deno's event loop has looked at all that it waits for itself. False where the kernel can't. */
  call(): boolean {
    this.isCalled = libc!.write(this.#eventfd, ONE_BY_US, EVENTFD_BYTES) === EVENTFD_BYTES;
    return this.isCalled;
  }

  /** Whether the process lives because of this. */
  keepAlive(isWanted: boolean): void {
    if (isWanted) this.#pipe.ref();
    else this.#pipe.unref();
  }
}

/** Null where this Deno, or this kernel, does not do that. */
export function createWake(descriptor: number): Wake | null {
  const pipe = newPipe();
  const address = new BigUint64Array(1);
  if (pipe === null || libc!.io_setup(IO_SETUP, UNDER_WAY_MAX, address) !== 0) return null;
  const eventfd = libc!.eventfd(0, CLOEXEC_NONBLOCK);
  const block = new Uint8Array(BLOCK_BYTES);
  const fields = new DataView(block.buffer);
  fields.setUint16(OPCODE_AT, IOCB_CMD_POLL, true);
  fields.setUint32(DESCRIPTOR_AT, descriptor, true);
  fields.setUint32(EVENTS_AT, POLLIN, true);
  fields.setUint32(FLAGS_AT, IOCB_FLAG_RESFD, true);
  fields.setUint32(EVENTFD_AT, eventfd, true);
  const wake = new Wake(pipe, eventfd, mapped(address[0] as bigint, RING_BYTES), block);
  if (!wake.arm() || pipe.open(eventfd) !== 0) return null;
  pipe.unref();
  return pipe.readStart() === 0 ? wake : null;
}

function newPipe(): PipeHandle | null {
  const { binding } = process as unknown as { binding?(name: string): PipeBinding };
  try {
    const { Pipe } = binding?.call(process, "pipe_wrap") ?? {};
    return Pipe === undefined ? null : new Pipe(0);
  } catch {
    return null;
  }
}
