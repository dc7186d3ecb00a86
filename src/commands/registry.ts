/** Every command there is. A new one is added here and appears in the API, the batch, the OpenAPI document and the importers. */
import { assignAccount, changeAccount, closeAccount, openAccount, reopenAccount } from "./accounts.ts";
import {
  adoptPolicy,
  completeRecording,
  correctClock,
  issueKey,
  resumeLog,
  revokeKey,
  startRecording,
} from "./administration.ts";
import { makeAgreement } from "./agreements.ts";
import { takeCensus } from "./census.ts";
import type { CommandDefinition } from "./command.ts";
import { correctInteraction, recordInteraction, retractInteraction } from "./interactions.ts";
import { eraseSubject } from "./erasure.ts";
import { fitDormancyModel, fitPrior } from "./models.ts";
import { recordOutcome, retractOutcome } from "./outcomes.ts";
import { addPerson, changePerson, movePerson, personLeft } from "./people.ts";
import * as promises from "./promises.ts";
import { syncInteraction } from "./sync-interaction.ts";
import { rotateLogKey } from "./tree-heads.ts";

export const commands: readonly CommandDefinition[] = [
  openAccount,
  changeAccount,
  assignAccount,
  closeAccount,
  reopenAccount,
  addPerson,
  changePerson,
  movePerson,
  personLeft,
  recordInteraction,
  correctInteraction,
  retractInteraction,
  syncInteraction,
  makeAgreement,
  promises.makePromise,
  promises.acceptPromise,
  promises.declinePromise,
  promises.counterPromise,
  promises.withdrawPromise,
  promises.meetCondition,
  promises.suspendPromise,
  promises.resumePromise,
  promises.releasePromise,
  promises.waiveOccurrence,
  promises.proposeChange,
  promises.acceptChange,
  promises.declineChange,
  promises.withdrawChange,
  promises.claimKeeping,
  promises.confirmKeeping,
  promises.renegePromise,
  promises.contestVerdict,
  promises.withdrawContest,
  promises.concedeContest,
  promises.ruleDispute,
  recordOutcome,
  retractOutcome,
  startRecording,
  completeRecording,
  adoptPolicy,
  fitDormancyModel,
  fitPrior,
  issueKey,
  revokeKey,
  correctClock,
  resumeLog,
  takeCensus,
  eraseSubject,
  rotateLogKey,
];

const byName = new Map(commands.map((command) => [command.name, command]));

export const commandNamed = (name: string): CommandDefinition | undefined => byName.get(name);
