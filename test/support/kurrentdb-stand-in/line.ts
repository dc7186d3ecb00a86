/**
 * A line between client and server: a TCP proxy on a port of its own that can be frozen, cut and taken down, as a network
 * or a machine can. It stands before the stand-in, and as well before a real server of one node.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

type Pair = { client: Socket; server: Socket };

export class Line {
  readonly #target: { host: string; port: number };
  readonly #pairs = new Set<Pair>();
  #listener: Server;
  #frozen = false;
  #port = 0;

  private constructor(target: { host: string; port: number }) {
    this.#target = target;
    this.#listener = this.#newListener();
  }

  static async to(port: number, host = "127.0.0.1"): Promise<Line> {
    const line = new Line({ host, port });
    await line.accept();
    return line;
  }

  get accepts(): boolean {
    return this.#listener.listening;
  }

  get port(): number {
    return this.#port;
  }

  /** Nothing goes through in either direction; connections stay, and new ones are accepted. */
  freeze(): void {
    this.#frozen = true;
    for (const { client, server } of this.#pairs) {
      client.unpipe(server);
      server.unpipe(client);
    }
  }

  /** What was held back goes through. */
  thaw(): void {
    this.#frozen = false;
    for (const pair of this.#pairs) join(pair);
  }

  /** Breaks every connection. New ones are accepted. */
  cut(): void {
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy();
      server.destroy();
    }
  }

  /** As when the server is down: connections break and new ones are refused. */
  async refuse(): Promise<void> {
    const closed = once(this.#listener, "close");
    this.#listener.close();
    this.cut();
    await closed;
  }

  /** Back on the same port. */
  async accept(): Promise<void> {
    this.#listener = this.#newListener();
    this.#listener.listen(this.#port, "127.0.0.1");
    await once(this.#listener, "listening");
    this.#port = (this.#listener.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    if (this.#listener.listening) await this.refuse();
    else this.cut();
  }

  #newListener(): Server {
    return createServer((client) => {
      const pair = { client, server: connect(this.#target) };
      this.#pairs.add(pair);
      endTogether(pair, () => this.#pairs.delete(pair));
      if (!this.#frozen) join(pair);
    });
  }
}

function join({ client, server }: Pair): void {
  client.pipe(server);
  server.pipe(client);
}

function endTogether({ client, server }: Pair, ended: () => void): void {
  for (const [one, other] of [
    [client, server],
    [server, client],
  ] as const) {
    one.setNoDelay(true);
    one.on("error", () => other.destroy());
    one.on("close", () => {
      other.destroy();
      ended();
    });
  }
}
