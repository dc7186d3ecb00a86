import { Command } from "commander";
import type { Shell } from "../shell.ts";
export const demoCommand = (_shell: Shell): Command => new Command("demo");
