import type { Preferences, PreferencesView } from "@/protocol/types";
import { ProblemError } from "@/sync/problem-error";
import { NO_PREFERENCES, type PreferencesApi } from "../preferences";
import type { SharedApi } from "../shared";

/** A server's place for one user's preferences, for tests. */
export function serverOf(preferences: Preferences = NO_PREFERENCES, version = 0) {
  const server = {
    view: { version, preferences } as PreferencesView,
    puts: 0,
    down: false,
    preferences: async () => {
      if (server.down) throw new TypeError("unreachable");
      return server.view;
    },
    putPreferences: async (next: Preferences, at: number) => {
      if (server.down) throw new TypeError("unreachable");
      server.puts += 1;
      if (at !== server.view.version)
        throw new ProblemError({
          code: "version_conflict",
          status: 412,
          retryable: false,
          version: server.view.version,
        });
      server.view = { version: at + 1, preferences: next };
      return server.view;
    },
  };
  return server satisfies PreferencesApi;
}

export const nothingShared: SharedApi = {
  shared: async () => [],
  putShared: async () => {
    throw new ProblemError({ code: "forbidden", status: 403, retryable: false });
  },
  removeShared: async () => {
    throw new ProblemError({ code: "forbidden", status: 403, retryable: false });
  },
};
