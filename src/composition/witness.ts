/** A witness's folder: its key, and what it has cosigned. What `troth witness` runs; it needs no ledger. */
import { existsSync, mkdirSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import type { SignerKey, VerifierKey } from "../audit/verifier-key.ts";
import { openWitnessStates, type WitnessStates } from "../witness/states.ts";
import { buildWitness, type WitnessDeps } from "../witness/witness-app.ts";
import { isWitnessFolder, witnessKey } from "../witness/witness-key.ts";

export type OpenWitness = { key: SignerKey; states: WitnessStates };

/**
 * Opens the witness of a folder, or makes it where it is given a name.
 * @throws NoWitnessError; Error that tells the operator what to do.
 */
export function openWitness(folder: string, name?: string): OpenWitness {
  const database = join(folder, "witness.db");
  // A witness that has forgotten what it saw would cosign a history that contradicts it.
  if (isWitnessFolder(folder) && !existsSync(database))
    throw new Error(`${database} is missing, but the key beside it was used: restore it, or make a new witness with a new key`);
  // The key comes last: where it is, there were states.
  if (name !== undefined) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    openWitnessStates(database).close();
  }
  const key = witnessKey(folder, name);
  if (name !== undefined && key.name !== name) throw new Error(`there is a witness in ${folder} already: ${key.name}`);
  return { key, states: openWitnessStates(database) };
}

export type CosignedHead = { origin: string; size: number; root: string; note: string };

export const cosignedHeads = ({ states }: OpenWitness): CosignedHead[] =>
  states.list().map(({ origin, state: { size, root, note } }) => ({ origin, size, root: root.toBase64(), note }));

export type RunningWitness = { url: string; app: FastifyInstance; close(): Promise<void> };

/** @throws what listening throws, such as EADDRINUSE; the witness is closed then. */
export async function serveWitness(
  { key, states }: OpenWitness,
  options: { logs: readonly VerifierKey[]; host: string; port: number } & Pick<WitnessDeps, "logger" | "limits">,
): Promise<RunningWitness> {
  const { logs, host, port, logger, limits } = options;
  const now = () => Math.floor(Date.now() / 1000);
  const app = buildWitness({ witness: { logs, keys: [key] }, states, now, logger, limits });
  const close = async () => {
    await app.close();
    states.close();
  };
  try {
    await app.listen({ host, port });
  } catch (error) {
    await close();
    throw error;
  }
  const { port: bound, family, address } = app.server.address() as AddressInfo;
  const name = address === "0.0.0.0" ? "127.0.0.1" : family === "IPv6" ? `[${address === "::" ? "::1" : address}]` : address;
  return { url: `http://${name}:${bound}`, app, close };
}
