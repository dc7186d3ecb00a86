/** `--as-of` and `--known-at`: where a subcommand stands that reads the past. */
import { type Command, InvalidArgumentError } from "commander";
import type { Instant } from "../domain/values.ts";
import type { Vantage } from "../projections/vantage.ts";
import { isAsked, standingAt } from "../queries/asking.ts";
import { knownAtText, VantageError } from "../queries/vantage.ts";
import { CliError } from "./errors.ts";
import { exitCodes } from "./exit-codes.ts";
import { instantArgument } from "./options.ts";

/** The past of a large ledger is built when it is first asked for. */
export const [viewsWaitMs, pastWaitMs] = [600_000, 3_600_000];

export type VantageFlags = { asOf?: Instant; knownAt?: string };

export const withVantage = (command: Command): Command =>
  command
    .option("--as-of <instant>", "what had happened by then; where absent, the instant of --known-at", instantArgument)
    .option(
      "--known-at <place>",
      "what was known at this instant, or at this size of the log; now where absent",
      knownAtArgument,
    );

/** A place in the log: an instant, a size, or both. */
export function knownAtArgument(value: string): string {
  if (knownAtText.safeParse(value).success) return value;
  try {
    return instantArgument(value);
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message.slice(0, -1)}; or a size of the log, such as 4711.`);
  }
}

/** @returns undefined for the present. @throws CliError naming the option. */
export function vantageIn(desk: Parameters<typeof standingAt>[0], { asOf, knownAt }: VantageFlags): Vantage | undefined {
  if (!isAsked({ asOf, knownAt })) return undefined;
  try {
    return standingAt(desk, { asOf, knownAt });
  } catch (error) {
    if (!(error instanceof VantageError)) throw error;
    throw new CliError(exitCodes.usage, `${error.field === "/asOf" ? "--as-of" : "--known-at"}: ${error.message}`);
  }
}
