/**
 * A process that records, counts and takes censuses until it is killed at one point of a turn.
 * Arguments: the folder, the point, the turn.
 */
import { appendAbout, appendCensus, countAll, openCensus } from "./census-files.ts";

export const killPoints = ["appended", "counted", "frozen", "recorded", "kept"] as const;
const [, , folder = "", point = "", turnText = "0"] = process.argv;

if (import.meta.main) {
  const { store, book } = openCensus(folder);
  for (let turn = 1; turn <= 50; turn += 1) {
    const reached = (at: string) => {
      if (at === point && turn === Number(turnText)) process.kill(process.pid, "SIGKILL");
    };
    await appendAbout(store, ...Array.from({ length: 1 + (turn % 7) }, (_, at) => `acc_${point}_${(turn * at) % 5}`));
    reached("appended");
    countAll(book);
    reached("counted");
    const count = book.count();
    reached("frozen");
    await appendCensus(store, count);
    reached("recorded");
    countAll(book);
    reached("kept");
  }
}
