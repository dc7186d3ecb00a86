/**
 * A process that appends and signs until it is killed at one point of a turn, and says every head that it would serve.
 * Arguments: the folder, the point, the turn.
 */
import { writeSync } from "node:fs";
import { appendTo, growAll, openSigned } from "./ledger-files.ts";

export const killPoints = ["appended", "grown", "stored-0", "stored-1", "served"] as const;
const [, , folder = "", point = "", turnText = "0"] = process.argv;

if (import.meta.main) {
  let turn = 0;
  const reached = (at: string) => {
    if (at === point && turn === Number(turnText)) process.kill(process.pid, "SIGKILL");
  };
  const { store, tree } = await openSigned(folder, (inner, index) => ({
    ...inner,
    keep(head, day) {
      inner.keep(head, day);
      reached(`stored-${index}`);
    },
  }));
  const serve = () => {
    const head = tree.sign();
    if (head !== undefined) writeSync(1, `${JSON.stringify(head.note)}\n`);
  };
  if (tree.served !== undefined) serve();
  for (turn = 1; turn <= 50; turn += 1) {
    await appendTo(store, 1 + (turn % 7), point);
    reached("appended");
    growAll(tree);
    reached("grown");
    serve();
    reached("served");
  }
}
