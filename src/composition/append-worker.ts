/**
 * The thread that writes to the log while many append, so that the one that answers requests need not wait for the disk. It writes
 * what it is given, in the order in which it is given it, and decides nothing. A composition root of its own.
 */
import { parentPort, workerData } from "node:worker_threads";
import { type PackedAnswers, packedAnswers, type PackedGroup, unpacked } from "../event-store/sqlite/packed-group.ts";
import { type FilePlace, writerInPlace } from "../event-store/sqlite/placed-writer.ts";
import { openForAppending } from "../event-store/sqlite/schema.ts";

export type AppendWorkerData = { path: string; place: FilePlace };
/** To the worker. */
export type ToAppendWorker = PackedGroup | "close";
/** From the worker: the answers to groups come in the order of the groups. */
export type FromAppendWorker = "ready" | PackedAnswers;

const { path, place } = workerData as AppendWorkerData;
const port = parentPort!;
const post = (message: FromAppendWorker) => port.postMessage(message);

const database = openForAppending(path, false);
const write = writerInPlace(database, path, place);
port.on("message", (message: ToAppendWorker) => {
  if (message !== "close") return post(packedAnswers(write(unpacked(message))));
  database.close();
  port.close();
});
post("ready");
