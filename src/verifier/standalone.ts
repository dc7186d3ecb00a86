/** The verifier as a script that an auditor can read and keep. Runs under a plain Node from version 20 on, and needs nothing else. */
import "./older-node.ts";
import { parseArgs } from "node:util";
import { reportLines } from "./report-lines.ts";
import { runVerification } from "./run.ts";
import { plainJson, plainLine } from "./terminal.ts";

const usage = `usage: node troth-verify.mjs <bundle> --policy <file> [--since <file>]… [--receipt <file>]… [--leaf <file>]…
         [--as-of <instant>] [--lag-minutes <minutes>] [--json]

Checks an evidence bundle of a Troth ledger, an archive or a folder (- for the input), with your own policy:
  log <verifier key> / witness <name> <verifier key> / group <name> <k> <members> / quorum <name, or none>

Exit codes: 0 verified; 1 tampered with, or contradicting itself or what you kept; 2 not usable;
  3 sound, but quorum, times or completeness are not what you asked for.
`;

const progressMs = 2_000;

async function main(): Promise<number> {
  const { values, positionals } = argumentsGiven();
  const [bundle, ...more] = positionals;
  if (bundle === undefined || more.length > 0 || values.policy === undefined)
    throw new TypeError("a bundle and a policy are wanted");
  const lag = values["lag-minutes"];
  if (lag !== undefined && !/^\d{1,7}$/.test(lag)) throw new TypeError("--lag-minutes is a number");
  let toldAt = Date.now();
  const { code, report, unusable } = await runVerification(
    {
      bundle,
      policy: values.policy,
      since: values.since ?? [],
      receipt: values.receipt ?? [],
      leaf: values.leaf ?? [],
      ...(values["as-of"] === undefined ? {} : { asOf: values["as-of"] }),
      ...(lag === undefined ? {} : { lagMinutes: Number(lag) }),
    },
    process.stdin,
    (done, of) => {
      if (Date.now() - toldAt < progressMs) return;
      toldAt = Date.now();
      process.stderr.write(`${done} of ${of} leaves verified\n`);
    },
  );
  if (report === undefined) {
    const told = { format: "troth-report/1", exitCode: code, outcome: "unusable", message: unusable };
    if (values.json === true) process.stdout.write(`${plainJson(told)}\n`);
    process.stderr.write(`${plainLine(`troth-verify: ${unusable}`)}\n`);
  } else process.stdout.write(values.json === true ? `${plainJson(report)}\n` : `${[...reportLines(report)].join("\n")}\n`);
  return code;
}

function argumentsGiven() {
  return parseArgs({
    allowPositionals: true,
    options: {
      policy: { type: "string" },
      since: { type: "string", multiple: true },
      receipt: { type: "string", multiple: true },
      leaf: { type: "string", multiple: true },
      "as-of": { type: "string" },
      "lag-minutes": { type: "string" },
      json: { type: "boolean" },
    },
  });
}

try {
  process.exitCode = await main();
} catch (error) {
  const isUsage = error instanceof TypeError;
  process.stderr.write(isUsage ? `troth-verify: ${error.message}\n${usage}` : `${plainLine(`troth-verify: ${String(error)}`)}\n`);
  process.exitCode = isUsage ? 2 : 70;
}
