/** `troth import` against a server in this process, on a ledger in memory: what opens no folder costs no folder. */
import { onTestFinished } from "vitest";
import { testApi, type TestApi } from "../../support/api.ts";
import { example, troth } from "./troth.ts";

export type Report = {
  lines: number;
  commands: number;
  accepted: number;
  known: number;
  refused: number;
  refusals: { line: number; name?: string; field: string | null; column?: string; code: string; reason: string }[];
  warnings: Record<string, number>;
  omitted: Record<string, number>;
  recording: string | null;
  complete: boolean;
};
export type Imported = Report & { code: number | null; said: string };

export type ImportServer = {
  api: TestApi;
  /** Options that lead to it. */
  where: string[];
  imported(file: string, ...options: string[]): Promise<Imported>;
};

/** Holds the accounts and people of the examples. */
export async function importServer(onEnd: (close: () => Promise<void>) => void = onTestFinished): Promise<ImportServer> {
  const api = await testApi({ empty: true });
  onEnd(() => api.close());
  const where = ["--url", await api.listen(), "--key", api.admin];
  const imported = async (file: string, ...options: string[]): Promise<Imported> =>
    reportOf(["import", file, ...where, ...options]);
  await imported(example("accounts.ndjson"));
  return { api, where, imported };
}

/** @throws what was said on the error output, where there is no report. */
export async function reportOf(args: readonly string[]): Promise<Imported> {
  const { code, out, err } = await troth([...args, "--json"]);
  if (out === "") throw new Error(err);
  return { code, said: err, ...(JSON.parse(out) as Report) };
}
