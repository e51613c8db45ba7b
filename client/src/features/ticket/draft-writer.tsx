import { Sparkles, Square } from "lucide-react";
import { useCallback, useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { Tooltip } from "@/components/ui/tooltip";
import { useDesk } from "@/desk/desk-context";
import { problemText } from "@/desk/refusal-text";
import { errorToast } from "@/desk/toast";
import type { SimilarTicket } from "@/protocol/types";
import { asProblem } from "@/sync/problem-error";
import { replyDraft } from "@/sync/reply-draft";

export interface DraftWriter {
  /** It is being written right now. */
  writing: boolean;
  sources: readonly SimilarTicket[];
  begin(): void;
  stop(): void;
}

/**
 * Has an answer drafted into the composer, word by word, behind what stands there. Whoever stops it, or
 * writes meanwhile, keeps what stands there; where it fails, what came is taken out again.
 */
export function useDraftWriter(
  ticket: number,
  read: () => string,
  write: (body: string) => void,
): DraftWriter {
  const { announce } = useDesk();
  const [writing, setWriting] = useState(false);
  const [sources, setSources] = useState<readonly SimilarTicket[]>([]);
  const call = useRef<AbortController | null>(null);
  const latest = useRef({ read, write });
  latest.current = { read, write };

  // biome-ignore lint/correctness/useExhaustiveDependencies: another ticket is another draft
  useEffect(() => {
    setSources([]);
    return () => call.current?.abort();
  }, [ticket]);

  const begin = useCallback(() => {
    if (call.current !== null) return;
    const mine = new AbortController();
    call.current = mine;
    const before = latest.current.read();
    const head = before.trim() === "" ? "" : `${before.replace(/\s+$/, "")}\n\n`;
    let written = before;
    /** False where somebody writes there: it is theirs from then on. */
    const put = (body: string): boolean => {
      if (latest.current.read() !== written) return false;
      latest.current.write(body);
      written = body;
      return true;
    };
    setWriting(true);
    announce(strings.triage.drafting);
    void (async () => {
      let text = "";
      try {
        for await (const event of replyDraft((input, init) => fetch(input, init), ticket, mine.signal)) {
          if (event.type === "sources") setSources(event.sources);
          else if (event.type === "delta") text += event.text;
          else {
            text = event.text;
            if (event.cut) errorToast(strings.triage.draftCut);
          }
          if (!put(head + text)) {
            mine.abort();
            return;
          }
        }
      } catch (error) {
        if (mine.signal.aborted) return;
        if (put(before)) setSources([]);
        const problem = asProblem(error);
        errorToast(strings.triage.draftFailed, {
          description: problemText(problem),
        });
      } finally {
        if (call.current === mine) call.current = null;
        setWriting(false);
      }
    })();
  }, [ticket, announce]);

  const stop = useCallback(() => {
    call.current?.abort();
    call.current = null;
    setWriting(false);
  }, []);

  return { writing, sources, begin, stop };
}

export function DraftButton({ writer }: { writer: DraftWriter }) {
  const label = writer.writing ? strings.triage.stopDraft : strings.triage.draft;
  return (
    <Tooltip label={label}>
      <Button
        variant="ghost"
        size="icon"
        aria-label={label}
        onClick={() => (writer.writing ? writer.stop() : writer.begin())}
      >
        {writer.writing ? <Square className="size-3.5" /> : <Sparkles className="size-4" />}
      </Button>
    </Tooltip>
  );
}

/** What a draft is made of, so that whoever sends it can look there. */
export function DraftSources({ writer }: { writer: DraftWriter }) {
  if (!writer.writing && writer.sources.length === 0) return null;
  return (
    <p className="flex flex-wrap items-center gap-x-2 gap-y-0.5 px-3.5 pb-1.5 text-2xs text-ink-3">
      {writer.writing ? <span className="animate-breathe">{strings.triage.drafting}</span> : null}
      {writer.sources.length === 0 ? null : (
        <>
          <span>{strings.triage.sources_}:</span>
          {writer.sources.map((source) => (
            <Link
              key={source.id}
              href={`/tickets/${source.id}`}
              title={source.subject}
              className="text-accent underline underline-offset-2"
            >
              #{source.id}
            </Link>
          ))}
        </>
      )}
    </p>
  );
}
