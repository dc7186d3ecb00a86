/**
 * Real servers that a spec may break. KURRENTDB_URL names three of them, which keep their data on disk and are started again when they
 * end by themselves, as a deposed leader does. KURRENTDB_CONTROL is the path of a program that is called as `leader`, which prints a
 * server's number from 1 to 3, and as `kill N` (at once, for good), `restart N`, `freeze N`, `thaw N`, `cut N` (what it
 * sends and is sent is dropped in silence), `isolate N` (so between it and the other servers alone) and `mend N`.
 */
import { execFile } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

const control = process.env["KURRENTDB_CONTROL"];
const named = process.env["KURRENTDB_URL"];

/** Why there are none, to be printed beside the skip; undefined where there are. */
export const noServers: string | undefined =
  control !== undefined && named !== undefined
    ? undefined
    : "no servers that may be broken: set KURRENTDB_URL and KURRENTDB_CONTROL";

export const connectionString = named ?? "";
export const everyServer = [1, 2, 3] as const;

const ask = async (...words: (string | number)[]): Promise<string> =>
  (await run(control!, words.map(String), { timeout: 60_000 })).stdout.trim();

export const kill = (server: number): Promise<string> => ask("kill", server);
export const restart = (server: number): Promise<string> => ask("restart", server);
export const freeze = (server: number): Promise<string> => ask("freeze", server);
export const thaw = (server: number): Promise<string> => ask("thaw", server);
export const cut = (server: number): Promise<string> => ask("cut", server);
export const isolate = (server: number): Promise<string> => ask("isolate", server);
export const mend = (server: number): Promise<string> => ask("mend", server);

/** The server that leads, once one does. */
export async function leader(): Promise<number> {
  for (;;) {
    const number = Number(await ask("leader").catch(() => ""));
    if (number > 0) return number;
    await delay(200);
  }
}

export async function aFollower(): Promise<number> {
  const leading = await leader();
  return everyServer.find((server) => server !== leading)!;
}
