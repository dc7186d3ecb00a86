/**
 * The thread that grows the tree over the log and signs its heads. It looks at the log once a second, so an append costs what it
 * cost without it. A composition root of its own: it opens its own connections, and nothing but heads crosses to the main thread.
 */
import { parentPort, workerData } from "node:worker_threads";
import { formatVerifierKey, verifierOf } from "../audit/verifier-key.ts";
import type { Log } from "../event-store/log.ts";
import { openSqliteLog } from "../event-store/sqlite/sqlite-log.ts";
import type { KnownHead } from "../transparency/audit-log.ts";
import { headBesideKey, logKey } from "../transparency/keys-folder.ts";
import { SignedTree } from "../transparency/signed-tree.ts";
import { openSqliteHeads } from "../transparency/sqlite-heads.ts";
import { openSqliteTiles } from "../transparency/sqlite-tiles.ts";
import type { SignedHead } from "../transparency/stores.ts";

export type AuditWorkerData = { logPath: string; treePath: string; keysFolder: string };
/** To the worker: somebody waits for a head that has what the log holds now, or the end. */
export type ToAuditWorker = { type: "wanted" } | { type: "close" };
/** From the worker. */
export type FromAuditWorker =
  | { type: "key"; verifierKey: string }
  /** The tiles can be read. */
  | { type: "ready" }
  | { type: "head"; head: SignedHead }
  | { type: "diverged"; lastKnownHead: KnownHead }
  /** It is tried again, unless the thread ends. */
  | { type: "failed"; message: string }
  | { type: "closed" };

/** Heads are signed no more often, unless somebody waits for one. */
const restMs = 1_000;

const { logPath, treePath, keysFolder } = workerData as AuditWorkerData;
const port = parentPort!;
const post = (message: FromAuditWorker) => port.postMessage(message);

let isClosing = false;
let isWanted = false;
let wakeUp: () => void = () => undefined;
port.on("message", ({ type }: ToAuditWorker) => {
  if (type === "close") isClosing = true;
  else isWanted = true;
  wakeUp();
});

async function run(): Promise<void> {
  const log = openSqliteLog(logPath);
  while (log.head() === 0 && !isClosing) await rest();
  if (isClosing) return log.close();
  const heads = openSqliteHeads(logPath);
  const signer = logKey(keysFolder, `troth/${nameIn(log)}`, heads.last() !== undefined);
  post({ type: "key", verifierKey: formatVerifierKey(verifierOf(signer)) });
  const today = () => new Date().toISOString().slice(0, 10);
  const tiles = openSqliteTiles(treePath);
  const tree = new SignedTree({ log, tiles, heads: [heads, headBesideKey(keysFolder)], signer, today });
  try {
    await tree.open(async () => {
      await turn();
      if (isClosing) throw new Error("closed while the tree was being built");
    });
    post({ type: "ready" });
    while (!isClosing) {
      isWanted = false;
      await followed(tree, log);
      if (!isWanted) await rest();
    }
  } finally {
    tree.close();
    log.close();
  }
}

/** Up to the head as it is now: under load another one comes at every moment. */
async function followed(tree: SignedTree, log: Log): Promise<void> {
  try {
    for (const head = log.head(); tree.size < head && !isClosing; await turn()) tree.grow();
    const head = tree.sign();
    if (tree.broken !== undefined) post({ type: "diverged", lastKnownHead: tree.broken });
    else if (head !== undefined) post({ type: "head", head });
  } catch (error) {
    post({ type: "failed", message: messageOf(error) });
    isWanted = false;
  }
}

function nameIn(log: Log): string {
  for (const { leaf } of log.readStream("ledger")) {
    const { type, data } = JSON.parse(Buffer.from(leaf).toString("utf8")) as { type: string; data: { ledger?: string } };
    if (type === "LedgerOpened" && data.ledger !== undefined) return data.ledger;
  }
  return "ledger";
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));
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
