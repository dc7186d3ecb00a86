/**
 * A cluster for one spec file, and nodes of a ledger on it, served over HTTP. The cluster is the server that KURRENTDB_URL names, or
 * the stand-in; the vault lies in a PostgreSQL of the test's own.
 */
import { randomUUID } from "node:crypto";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { initNode, keysFolderOf, openLedger, type OpenLedger } from "../../../src/composition/ledger-folder.ts";
import { type RunningServer, serveLedger } from "../../../src/composition/serve.ts";
import { keyScope } from "../../../src/domain/key.ts";
import { StandIn } from "../../support/kurrentdb-stand-in/stand-in.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";

export type Answered = {
  status: number;
  headers: Headers;
  // Specs read whatever member they are about.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  json: any;
};

export type TestNode = {
  folder: string;
  ledger: OpenLedger;
  server: RunningServer;
  troubles: string[];
  send(method: string, path: string, body?: object, headers?: Record<string, string>): Promise<Answered>;
  stop(): Promise<void>;
};

export type NodeOptions = {
  /** Goes on with this folder. */
  folder?: string;
  /** Has a key of its own instead of the ledger's. */
  clock?: () => number;
};

export class TestCluster {
  readonly standIn: StandIn | undefined;
  readonly #postgres: TestPostgres;
  readonly #root = mkdtempSync(join(tmpdir(), "troth-cluster-"));
  readonly prefix = `test-${randomUUID().slice(0, 8)}`;
  readonly #nodes: TestNode[] = [];
  secret = "";
  #keys = "";

  private constructor(standIn: StandIn | undefined, postgres: TestPostgres) {
    this.standIn = standIn;
    this.#postgres = postgres;
  }

  static async start(): Promise<TestCluster> {
    const standIn = process.env["KURRENTDB_URL"] === undefined ? await StandIn.start() : undefined;
    const cluster = new TestCluster(standIn, await startPostgres());
    await cluster.#begin();
    return cluster;
  }

  get connections(): { events: string; vault: string } {
    return { events: this.standIn?.connectionString ?? process.env["KURRENTDB_URL"]!, vault: this.#postgres.url };
  }

  /** A folder that is no node yet, with a copy of the ledger's keys beside it. */
  freshFolder({ withKeys = true }: { withKeys?: boolean } = {}): string {
    const folder = join(this.#root, randomUUID());
    if (withKeys) cpSync(this.#keys, keysFolderOf({ folder }), { recursive: true });
    return folder;
  }

  async #begin(): Promise<void> {
    const folder = this.freshFolder({ withKeys: false });
    const { ledger, secret } = await this.join(folder);
    this.secret = secret!;
    this.#keys = keysFolderOf({ folder });
    await ledger.close();
  }

  join(folder: string): ReturnType<typeof initNode> {
    const { prefix, connections } = this;
    return initNode({ folder, name: "main", prefix, connections, adminScopes: keyScope.options });
  }

  async node({ folder, clock }: NodeOptions = {}): Promise<TestNode> {
    const place = folder ?? this.freshFolder();
    if (folder === undefined) await (await this.join(place)).ledger.close();
    const ledger = await openLedger({ folder: place, connections: this.connections, ...(clock === undefined ? {} : { clock }) });
    const troubles: string[] = [];
    const server = await serveLedger(ledger, {
      ...{ host: "127.0.0.1", port: 0, version: "0.0.0", processMetrics: false, upkeep: false },
      limits: { eventLoopDelayMsMax: 0 },
      logger: { level: "warn", stream: { write: (line) => void troubles.push(line) } },
    });
    let stopped: Promise<void> | undefined;
    const node: TestNode = {
      ...{ folder: place, ledger, server, troubles },
      send: (method, path, body, headers = {}) => this.#send(server.url, method, path, body, headers),
      stop: () => (stopped ??= server.close()),
    };
    this.#nodes.push(node);
    return node;
  }

  async #send(url: string, method: string, path: string, body: object | undefined, headers: Record<string, string>) {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.secret}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, json: text.startsWith("{") ? JSON.parse(text) : text };
  }

  async stop(): Promise<void> {
    for (const node of this.#nodes) await node.stop();
    await this.standIn?.stop();
    await this.#postgres.stop();
    rmSync(this.#root, { recursive: true, force: true });
  }
}
