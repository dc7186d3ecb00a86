/**
 * The thread that grows the tree over the log and signs its heads. It looks at the log once a second, so an append costs what it
 * cost without it. A composition root of its own: it opens its own connections, and nothing but heads crosses to the main thread.
 */
import { setImmediate as turn } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import type { KeyRotation } from "../audit/key-rotation.ts";
import { formatVerifierKey } from "../audit/verifier-key.ts";
import type { Log } from "../event-store/log.ts";
import { openSqliteLog } from "../event-store/sqlite/sqlite-log.ts";
import type { ContradictingHead, RotationRequest } from "../transparency/audit-log.ts";
import { headBesideKey, type KeysOfFolder, openLogKeys } from "../transparency/keys-folder.ts";
import { SignedTree } from "../transparency/signed-tree.ts";
import { openSqliteHeads } from "../transparency/sqlite-heads.ts";
import { openSqliteTiles } from "../transparency/sqlite-tiles.ts";
import type { SignedHead } from "../transparency/stores.ts";
import { messageOf } from "./error-message.ts";

export type AuditWorkerData = {
  logPath: string;
  treePath: string;
  keysFolder: string;
  /** Nothing new is signed before "release": the witnesses are asked first what they know of this log. */
  awaitsWitnesses?: boolean;
};
/** To the worker. */
export type ToAuditWorker =
  /** Somebody waits for a head that has what the log holds now. */
  | { type: "wanted" }
  | { type: "release" }
  /** A witness holds a head. */
  | { type: "contradict"; head: ContradictingHead; note: string | undefined }
  | { type: "rotate"; request: number; change: RotationRequest }
  | { type: "close" };
/** From the worker. */
export type FromAuditWorker =
  /** The log's own first, then those before it. */
  | { type: "keys"; verifierKeys: string[] }
  /** The tiles can be read. */
  | { type: "ready" }
  | { type: "head"; head: SignedHead }
  | { type: "diverged"; lastKnownHead: ContradictingHead }
  /** The next key is made. Absent where the log can't be signed. */
  | { type: "rotation"; request: number; rotation: KeyRotation | undefined }
  /** It is tried again, unless the thread ends. */
  | { type: "failed"; message: string }
  | { type: "closed" };

/** Heads are signed no more often, unless somebody waits for one. */
const restMs = 1_000;

const { logPath, treePath, keysFolder, awaitsWitnesses = false } = workerData as AuditWorkerData;
const port = parentPort!;
const post = (message: FromAuditWorker) => port.postMessage(message);

let isClosing = false;
let isWanted = false;
let isHeld = awaitsWitnesses;
let wakeUp: () => void = () => undefined;
/** What is to be done in turn with signing, not between its steps. Rotations wait for the witnesses, as signing does. */
const contradictions: ((at: Signing) => void)[] = [];
const rotations: ((at: Signing) => void)[] = [];

port.on("message", (message: ToAuditWorker) => {
  switch (message.type) {
    case "close":
      isClosing = true;
      break;
    case "wanted":
      isWanted = true;
      break;
    case "release":
      isHeld = false;
      break;
    case "contradict":
      contradictions.push(({ tree }) => tree.contradict(message.head, message.note));
      break;
    case "rotate":
      rotations.push((at) => post({ type: "rotation", request: message.request, rotation: rotationFor(at, message.change) }));
  }
  wakeUp();
});

type Signing = { tree: SignedTree; keys: KeysOfFolder; log: Log };

async function run(): Promise<void> {
  const log = openSqliteLog(logPath);
  while (log.head() === 0 && !isClosing) await rest();
  if (isClosing) return log.close();
  const heads = openSqliteHeads(logPath);
  const now = () => new Date().toISOString();
  const isSigned = heads.last() !== undefined;
  const keys = openLogKeys({ folder: keysFolder, origin: `troth/${nameIn(log)}`, log, isSigned, now });
  const tiles = openSqliteTiles(treePath);
  const today = () => now().slice(0, 10);
  const tree = new SignedTree({ log, tiles, heads: [heads, headBesideKey(keysFolder)], keys, today });
  postKeys(keys);
  try {
    await tree.open(async () => {
      await turn();
      if (isClosing) throw new Error("closed while the tree was being built");
    });
    post({ type: "ready" });
    // Where nothing was ever signed there is nothing that a witness could know.
    isHeld &&= tree.served !== undefined;
    while (!isClosing) {
      isWanted = false;
      await followed({ tree, keys, log });
      if (isHeld || (!isWanted && rotations.length === 0)) await rest();
    }
  } finally {
    tree.close();
    log.close();
  }
}

/** Up to the head as it is now: under load another one comes at every moment. */
async function followed(at: Signing): Promise<void> {
  const { tree, keys, log } = at;
  try {
    for (const head = log.head(); tree.size < head && !isClosing; await turn()) tree.grow();
    for (const contradict of contradictions.splice(0)) contradict(at);
    if (!isHeld) for (const rotate of rotations.splice(0)) rotate(at);
    const head = isHeld ? tree.served : tree.sign();
    if (tree.broken !== undefined) return post({ type: "diverged", lastKnownHead: tree.broken });
    if (head === undefined) return;
    postKeys(keys);
    post({ type: "head", head });
  } catch (error) {
    post({ type: "failed", message: messageOf(error) });
    isWanted = false;
  }
}

let posted = "";
function postKeys(keys: KeysOfFolder): void {
  const verifierKeys = keys.verifiers().map(formatVerifierKey);
  if (posted === verifierKeys[0]) return;
  posted = verifierKeys[0]!;
  post({ type: "keys", verifierKeys });
}

function rotationFor({ tree, keys }: Signing, { oldKeyUntil }: RotationRequest): KeyRotation | undefined {
  const head = tree.sign();
  if (head === undefined) return undefined;
  return keys.prepareRotation({ treeHead: { size: head.size, root: head.root.toBase64() }, oldKeyUntil });
}

function nameIn(log: Log): string {
  for (const { leaf } of log.readStream("ledger")) {
    const { type, data } = JSON.parse(Buffer.from(leaf).toString("utf8")) as { type: string; data: { ledger?: string } };
    if (type === "LedgerOpened" && data.ledger !== undefined) return data.ledger;
  }
  return "ledger";
}

const rest = () =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, restMs);
    wakeUp = () => {
      clearTimeout(timer);
      resolve();
    };
  });

run()
  .catch((error: unknown) => {
    if (!isClosing) post({ type: "failed", message: messageOf(error) });
  })
  .finally(() => {
    post({ type: "closed" });
    port.close();
  });
