/** What the exit code of `troth` says. Scripts rely on these numbers: one is never given another meaning. */
export const exitCodes = {
  done: 0,
  findings: 1,
  usage: 2,
  folderInUse: 3,
  noLedger: 4,
  unusable: 5,
  network: 6,
  fault: 70,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

const meanings: Record<keyof typeof exitCodes, string> = {
  done: "done",
  findings: "done, but something was found: refused lines, damage, digests that differ",
  usage: "the command line, a mapping or an input file can't be understood, or names what is not there",
  folderInUse: "another process works on the data folder",
  noLedger: "there is no ledger in the data folder, or for `init`, there is one already",
  unusable: "the ledger is damaged, or its keys do not fit",
  network: "the server can't be reached, refuses the key, or its address is taken",
  fault: "a fault of Troth's own",
};

/** For the end of a help text. */
export const exitCodesHelp = (...names: (keyof typeof exitCodes)[]): string =>
  ["", "Exit codes:", ...names.map((name) => `  ${String(exitCodes[name]).padEnd(3)} ${meanings[name]}`)].join("\n");

export const everyExitCode = Object.keys(exitCodes) as (keyof typeof exitCodes)[];
