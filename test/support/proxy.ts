/** A proxy on this machine that spoils a connection when it is told to. */
import { connect, createServer, type NetConnectOpts, type Socket } from "node:net";

export type Proxy = {
  port: number;
  /** Nothing gets through, and nothing is lost. */
  freeze(): void;
  /** The next request that holds these characters gets through, and nothing after it. */
  freezeAt(text: string): void;
  thaw(): void;
  /** Ends every connection and takes no other. */
  cut(): void;
  mend(): void;
  /** The next request that holds these characters gets through; its answer does not, and the connection ends. */
  loseAnswerTo(text: string): void;
  close(): Promise<void>;
};

export async function proxyTo(target: NetConnectOpts): Promise<Proxy> {
  const pairs = new Set<[Socket, Socket]>();
  let [isFrozen, isCut] = [false, false];
  let [fatal, last]: (string | undefined)[] = [];
  const server = createServer((client) => {
    if (isCut) return void client.destroy();
    const upstream = connect(target);
    const pair: [Socket, Socket] = [client, upstream];
    pairs.add(pair);
    let isDoomed = false;
    client.on("data", (chunk) => {
      if (fatal !== undefined && chunk.includes(fatal)) [isDoomed, fatal] = [true, undefined];
      upstream.write(chunk);
      if (last !== undefined && chunk.includes(last)) freeze();
    });
    upstream.on("data", (chunk) => {
      if (isDoomed) return end();
      client.write(chunk);
    });
    const end = (): void => {
      pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    for (const socket of pair) socket.on("error", end).on("close", end);
    if (isFrozen) for (const socket of pair) socket.pause();
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const freeze = (): void => {
    [isFrozen, last] = [true, undefined];
    for (const pair of pairs) for (const socket of pair) socket.pause();
  };
  const cut = (): void => {
    isCut = true;
    for (const [client, upstream] of pairs) for (const socket of [client, upstream]) socket.destroy();
  };
  return {
    port: (server.address() as { port: number }).port,
    freeze,
    freezeAt: (text) => void (last = text),
    thaw() {
      isFrozen = false;
      for (const pair of pairs) for (const socket of pair) socket.resume();
    },
    cut,
    mend: () => void (isCut = false),
    loseAnswerTo: (text) => void (fatal = text),
    async close() {
      cut();
      await new Promise((done) => server.close(done));
    },
  };
}
