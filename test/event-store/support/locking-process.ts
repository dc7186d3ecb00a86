/** A process that locks the folder of its argument, says so, and stays until it is killed or its input ends. */
import { lockFolder } from "../../../src/event-store/folder-lock.ts";

lockFolder(process.argv[2]!);
console.log("locked");
process.stdin.resume();
