/** Verifies a hostile bundle in a thread of its own, whose heap is small. */
import { parentPort, workerData } from "node:worker_threads";
import { bundleOf, policyOf, verified } from "./forgery.ts";
import { type HeapReport, manyClaims } from "./hostile.ts";
import { logKey } from "./told-log.ts";

const { claimCount } = workerData as { claimCount: number };
const { leaves } = manyClaims(claimCount);
const { exitCode } = await verified(await bundleOf(leaves, logKey), { policy: policyOf(logKey) });
parentPort!.postMessage({ exitCode, leaves: leaves.length } satisfies HeapReport);
