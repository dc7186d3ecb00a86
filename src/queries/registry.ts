/** Every query there is. A new one is added here and appears in the API and the OpenAPI document. */
import { accountDiff, accountHistory } from "./account-history.ts";
import { accountDormancy, accountTimeline, getAccount, listAccounts } from "./accounts.ts";
import {
  accessLog,
  currentModels,
  currentPolicy,
  getInteraction,
  listKeys,
  listPolicies,
  listRecordings,
} from "./administration.ts";
import { balance } from "./balance.ts";
import { cohortsReport } from "./cohorts.ts";
import { keepingRates } from "./keeping-rates.ts";
import { getPerson, listPeople, scorecard } from "./people.ts";
import { accountPromises, getAgreement, getPromise, listPromises, promiseHistory } from "./promises.ts";
import type { QueryDefinition } from "./query.ts";
import { renewalsReport } from "./renewals.ts";
import { dormancyReport, dueReport } from "./reports.ts";
import { teamScorecard } from "./team-scorecard.ts";
import { trustReport } from "./trust-report.ts";
import { accountTrust } from "./trust.ts";

export const queries: readonly QueryDefinition[] = [
  listAccounts,
  getAccount,
  accountTimeline,
  accountTrust,
  accountDormancy,
  accountPromises,
  accountHistory,
  accountDiff,
  listPeople,
  getPerson,
  scorecard,
  getInteraction,
  listPromises,
  getPromise,
  promiseHistory,
  getAgreement,
  teamScorecard,
  keepingRates,
  trustReport,
  cohortsReport,
  renewalsReport,
  dormancyReport,
  balance,
  dueReport,
  currentPolicy,
  listPolicies,
  currentModels,
  listRecordings,
  listKeys,
  accessLog,
];
