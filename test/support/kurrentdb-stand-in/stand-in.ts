/**
 * A stand-in for a KurrentDB server, for tests on machines where none runs. It speaks the real gRPC protocol, so the real
 * client talks to it unchanged: appends alone and in batches, reads of a stream and of `$all`, subscriptions to `$all`
 * with filter and checkpoints, deletion, gossip, server features. Faults are scheduled on it.
 *
 * What it is not: a database. Its log is in memory, in the process of the test. Nodes of a "cluster" share one log, so
 * nothing is replicated, and an election is whatever a test says. It has no users, no TLS, no metadata of streams
 * (`$maxCount` and the like), no projections, no persistent subscriptions, no subscription to one stream. It says nothing
 * about speed, and nothing about durability. `stand-in.spec.ts` holds it to what a real server does: the same statements
 * run on the server that `KURRENTDB_URL` names.
 */
import { Server, ServerCredentials } from "@grpc/grpc-js";
import gossipGrpc, { type IGossipServer } from "@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/gossip_grpc_pb.js";
import featuresGrpc, {
  type IServerFeaturesServer,
} from "@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/serverfeatures_grpc_pb.js";
import streamsGrpc, { type IStreamsServer } from "@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/streams_grpc_pb.js";
import { append, batchAppend, deleteStream } from "./appends.ts";
import { gossip, type Member, supportedMethods } from "./cluster.ts";
import { Faults } from "./faults.ts";
import { Line } from "./line.ts";
import { Log } from "./log.ts";
import { serviceErrors } from "./messages.ts";
import type { Node } from "./node.ts";
import { read } from "./reads.ts";

const host = "127.0.0.1";

export class StandIn {
  readonly log = new Log();
  readonly faults = new Faults();
  /** One line before each node; the first node leads at the start. */
  readonly lines: readonly Line[];
  readonly #servers: readonly Server[];
  #leader: number | undefined = 0;

  private constructor(lines: readonly Line[], servers: readonly Server[]) {
    this.lines = lines;
    this.#servers = servers;
  }

  /** Starts on free ports of this machine. @param nodes how many addresses it has; all of them serve one log. */
  static async start({ nodes = 1 }: { nodes?: number } = {}): Promise<StandIn> {
    const servers = Array.from({ length: nodes }, () => new Server());
    const ports = await Promise.all(servers.map(listening));
    const lines = await Promise.all(ports.map((port) => Line.to(port)));
    const standIn = new StandIn(lines, servers);
    servers.forEach((server, index) => standIn.#serve(server, index));
    return standIn;
  }

  get connectionString(): string {
    return `kurrentdb://${this.lines.map(({ port }) => `${host}:${port}`).join(",")}?tls=false`;
  }

  /** Names one node alone. */
  connectionStringOf(node: number): string {
    return `kurrentdb://${host}:${this.lines[node]!.port}?tls=false`;
  }

  /** From now on this node leads; none where left out. */
  elect(node?: number): void {
    this.#leader = node;
  }

  /** Stops a node's server and starts it again on the same port: connections break, what was stored is still there. */
  async restart(node = 0): Promise<void> {
    await this.lines[node]!.refuse();
    this.log.forgetIdsInMemory();
    await this.lines[node]!.accept();
  }

  async stop(): Promise<void> {
    await Promise.all(this.lines.map((line) => line.close()));
    for (const server of this.#servers) server.forceShutdown();
  }

  #serve(server: Server, index: number): void {
    const node = this.#node(index);
    server.addService(streamsGrpc.StreamsService, streamsOf(node));
    server.addService(
      gossipGrpc.GossipService,
      gossipOf(node, () => this.#members()),
    );
    server.addService(featuresGrpc.ServerFeaturesService, featuresOf(node));
  }

  #node(index: number): Node {
    return {
      index,
      log: this.log,
      faults: this.faults,
      leader: () => (this.#leader === undefined ? undefined : { address: host, port: this.lines[this.#leader]!.port }),
      leads: () => this.#leader === index,
    };
  }

  #members(): Member[] {
    return this.lines.map(({ port, accepts }, index) => ({ address: host, port, leads: index === this.#leader, alive: accepts }));
  }
}

async function listening(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`${host}:0`, ServerCredentials.createInsecure(), (error, port) => (error ? reject(error) : resolve(port)));
  });
}

function streamsOf(node: Node): IStreamsServer {
  return {
    read: (call) => void read(node, call),
    append: (call, done) => append(node, call, done),
    batchAppend: (call) => batchAppend(node, call),
    delete: (call, done) => deleteStream(node, call, done),
    tombstone: (_call, done) => done(serviceErrors.unimplemented()),
  };
}

function gossipOf(node: Node, members: () => Member[]): IGossipServer {
  return { read: (_call, done) => void gossip(node, members(), done) };
}

function featuresOf(node: Node): IServerFeaturesServer {
  return { getSupportedMethods: (_call, done) => void supportedMethods(node, done) };
}
