/** A ledger served over HTTP with witnesses that are servers too, all of them on this machine. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { parsePolicy } from "../../../src/audit/policy.ts";
import {
  formatVerifierKey,
  parseVerifierKey,
  type SignerKey,
  type VerifierKey,
  verifierOf,
} from "../../../src/audit/verifier-key.ts";
import { holdsLedger, initLedger, openLedger } from "../../../src/composition/ledger-folder.ts";
import { serveLedger } from "../../../src/composition/serve.ts";
import { openWitness, serveWitness } from "../../../src/composition/witness.ts";
import { keyScope } from "../../../src/domain/key.ts";
import type { AnchoringStatus, AnchoringTimes } from "../../../src/transparency/anchoring.ts";

export type TestWitness = { name: string; key: VerifierKey; url: string; folder?: string; close(): Promise<void> };

const quick: AnchoringTimes = { startMsMax: 5_000, everyMs: 50, offerMsMax: 3_000, retryMsMin: 50, retryMsMax: 200 };

/** What the policy of a ledger says of its witnesses: all must have seen a head, or so many of them. */
export const policyOf = (witnesses: readonly TestWitness[], quorum: string | number = "all"): string =>
  [
    ...witnesses.map(({ name, key, url }) => `witness ${name} ${formatVerifierKey(key)} ${url}`),
    `group seen ${quorum} ${witnesses.map(({ name }) => name).join(" ")}`,
    "quorum seen",
    "",
  ].join("\n");

/** A witness of ours. @param port to come back at the same address. */
export async function aWitness(name: string, folder: string, logs: readonly VerifierKey[], port = 0): Promise<TestWitness> {
  const witness = openWitness(folder, `${name}.example/witness`);
  const { url, close } = await serveWitness(witness, { logs, host: "127.0.0.1", port });
  let isClosed = false;
  const closeOnce = async () => {
    if (!isClosed) await close();
    isClosed = true;
  };
  onTestFinished(closeOnce);
  return { name, key: verifierOf(witness.key), url, folder, close: closeOnce };
}

/** Something at an address of a witness that answers as a spec likes. */
export async function anImpostor(
  name: string,
  key: SignerKey,
  answer: (body: string, response: ServerResponse, request: IncomingMessage) => void,
): Promise<TestWitness> {
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => void (body += chunk.toString()));
    request.on("end", () => answer(body, response, request));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const close = async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  };
  onTestFinished(close);
  return { name, key: verifierOf(key), url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

export type WatchedLedger = {
  url: string;
  secret: string;
  troubles: string[];
  /** The log's own keys, the one in force first. */
  keys(): Promise<VerifierKey[]>;
  text(path: string): Promise<string>;
  get(path: string): Promise<Response>;
  post(path: string, body?: object): Promise<Response>;
  openAccounts(count: number): Promise<string[]>;
  /** Has what is new seen now. */
  anchor(): Promise<AnchoringStatus>;
  events(type: string): Promise<{ position: number; stream: string; data: Record<string, never> }[]>;
  stop(): Promise<void>;
};

const secrets = new Map<string, string>();

/** @param policy text; nobody watches without it. */
export async function watchedLedger(
  folder: string,
  policy?: string,
  times: Partial<AnchoringTimes> = {},
): Promise<WatchedLedger> {
  const data = join(folder, "data");
  if (!holdsLedger(data)) {
    const { ledger, secret } = await initLedger({ folder: data, name: "main", adminScopes: keyScope.options });
    await ledger.close();
    secrets.set(data, secret);
  }
  const secret = secrets.get(data)!;
  const troubles: string[] = [];
  const server = await serveLedger(await openLedger({ folder: data }), {
    host: "127.0.0.1",
    port: 0,
    version: "0.0.0",
    processMetrics: false,
    upkeep: false,
    limits: { eventLoopDelayMsMax: 0 },
    logger: { level: "warn", stream: { write: (line) => void troubles.push(line) } },
    witnesses: policy === undefined ? undefined : { policy: parsePolicy(policy), times: { ...quick, ...times } },
  });
  let isStopped = false;
  const stop = async () => {
    if (!isStopped) await server.close();
    isStopped = true;
  };
  onTestFinished(stop);
  const headers = { authorization: `Bearer ${secret}` };
  const get = (path: string) => fetch(`${server.url}/v1/${path}`, { headers });
  const post = (path: string, body?: object) =>
    fetch(`${server.url}/v1/${path}`, {
      method: "POST",
      headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const text = async (path: string) => {
    const answer = await get(path);
    const said = await answer.text();
    if (!answer.ok) throw new Error(`${path}: ${said}`);
    return said;
  };
  return {
    url: server.url,
    secret,
    troubles,
    get,
    post,
    text,
    stop,
    keys: async () => (await text("audit/key")).trimEnd().split("\n").map(parseVerifierKey),
    async openAccounts(count) {
      const ids: string[] = [];
      for (let opened = 0; opened < count; opened += 1)
        ids.push(((await (await post("accounts", {})).json()) as { events: [{ id: string }] }).events[0].id);
      return ids;
    },
    async anchor() {
      const answer = await post("audit/anchor");
      const said = await answer.text();
      if (!answer.ok) throw new Error(said);
      return JSON.parse(said) as AnchoringStatus;
    },
    async events(type) {
      const answer = await fetch(`${server.url}/v1/events`, { headers: { ...headers, accept: "application/x-ndjson" } });
      const lines = (await answer.text()).trim().split("\n");
      return lines
        .map((line) => JSON.parse(line) as { type: string; position: number; stream: string; data: Record<string, never> })
        .filter((event) => event.type === type);
    },
  };
}

/** The log's key, made by a first start: witnesses must know it before they can watch. */
export async function firstKeys(folder: string): Promise<VerifierKey[]> {
  const ledger = await watchedLedger(folder);
  await ledger.openAccounts(1);
  const { events } = (await (await ledger.post("accounts", {})).json()) as { events: [{ id: string }] };
  await ledger.text(`events/${events[0].id}/receipt`);
  const keys = await ledger.keys();
  await ledger.stop();
  return keys;
}
