import { useInfiniteQuery } from "@tanstack/react-query";
import { ArrowDownWideNarrow, Search } from "lucide-react";
import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { useLocation, useSearch } from "wouter";
import { Button } from "@/components/ui/button";
import { Menu, MenuContent, MenuRadioGroup, MenuRadioItem, MenuTrigger } from "@/components/ui/menu";
import { Notice } from "@/components/ui/notice";
import { Tooltip } from "@/components/ui/tooltip";
import { useDesk } from "@/desk/desk-context";
import { hasFilters, parseFilters, withFilters } from "@/desk/filters";
import { problemText } from "@/desk/refusal-text";
import { FilterBar } from "@/features/inbox/filter-bar";
import { RowSkeletons, TicketList } from "@/features/inbox/ticket-list";
import { asProblem } from "@/sync/problem-error";
import { strings } from "./strings/strings";
import { TicketBrowser } from "./ticket-browser";

const PAGE = 50;
const SORTS = ["-id", "-updated_at", "due", "-priority"] as const;
/** What changes meanwhile may belong into the list or out of it: it is asked again, at most this often. */
const SETTLE_MS = 3_000;

/** Full-text search over every ticket, the closed ones included. The whole question stands in the address. */
export function SearchPage({ ticket, onMenu }: { ticket: string | undefined; onMenu: () => void }) {
  const { api, info, sync } = useDesk();
  const [, navigate] = useLocation();
  const search = useSearch();
  const selected = ticket === undefined || !/^\d+$/.test(ticket) ? null : Number(ticket);
  const query = useMemo(() => new URLSearchParams(search), [search]);
  const q = query.get("q") ?? "";
  const sort = SORTS.find((option) => option === query.get("sort")) ?? "-id";
  const filters = useMemo(() => parseFilters(search), [search]);
  const asked = q.trim() !== "" || hasFilters(filters);

  const question = useMemo(() => {
    const words = new URLSearchParams(withFilters("", filters));
    if (q.trim() !== "") words.set("q", q.trim());
    words.set("sort", sort);
    words.set("page[size]", String(PAGE));
    return words.toString();
  }, [q, filters, sort]);
  const deferred = useDeferredValue(question);

  const results = useInfiniteQuery({
    queryKey: ["search", deferred],
    queryFn: async ({ pageParam }) => {
      const words = new URLSearchParams(deferred);
      if (pageParam !== null) words.set("page[after]", pageParam);
      const page = await api.tickets(words);
      for (const found of page.data) sync.tickets.keep(found);
      return page;
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => (page.meta.has_more ? page.meta.after_cursor : null),
    enabled: asked,
    placeholderData: (before) => before,
    staleTime: SETTLE_MS,
  });
  const { refetch, fetchNextPage, hasNextPage, isFetchingNextPage } = results;

  useEffect(() => {
    if (!asked) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = sync.records.subscribe(() => {
      timer ??= setTimeout(() => {
        timer = undefined;
        void refetch();
      }, SETTLE_MS);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [sync, refetch, asked]);

  const found = useMemo(
    () =>
      new Map((results.data?.pages ?? []).flatMap((page) => page.data.map((one) => [one.id, one] as const))),
    [results.data],
  );
  const ids = useMemo(() => (asked ? [...found.keys()] : []), [found, asked]);
  const hrefOf = useCallback(
    (id: number | null) => `/search${id === null ? "" : `/${id}`}${search === "" ? "" : `?${search}`}`,
    [search],
  );
  useEffect(() => {
    document.title = `${q === "" ? strings.search.title : q} · ${info.name}`;
  }, [q, info.name]);

  const say = (next: string) => navigate(`/search${next}`, { replace: true });
  const problem = results.error === null ? null : asProblem(results.error);
  const empty = !asked ? (
    <Notice icon={<Search />} title={strings.search.begin} hint={strings.search.beginHint} />
  ) : problem !== null ? (
    <Notice
      alert
      title={strings.search.failed}
      hint={problemText(problem)}
      action={<Button onClick={() => void refetch()}>{strings.list.retry}</Button>}
    />
  ) : results.data === undefined ? (
    <RowSkeletons />
  ) : ids.length === 0 ? (
    <Notice icon={<Search />} title={strings.search.nothing} hint={strings.search.nothingHint} />
  ) : null;

  return (
    <TicketBrowser
      ids={ids}
      selected={selected}
      hrefOf={hrefOf}
      scope={`search?${search}`}
      list={(selection) => (
        <TicketList
          ids={ids}
          selected={selected}
          selection={selection}
          hrefOf={hrefOf}
          showAssignee
          group="none"
          found={found}
          title={
            <SearchBox
              text={q}
              onText={(text) => {
                const next = new URLSearchParams(search);
                if (text === "") next.delete("q");
                else next.set("q", text);
                const words = next.toString();
                say(words === "" ? "" : `?${words}`);
              }}
              onDone={() => {
                const first = ids[0];
                if (first !== undefined) navigate(hrefOf(first));
              }}
            />
          }
          count={asked && results.data !== undefined ? strings.search.found(ids.length, hasNextPage) : ""}
          menu={
            <Menu>
              <Tooltip label={strings.search.sorts[sort]}>
                <MenuTrigger asChild>
                  <Button variant="ghost" size="icon" aria-label={strings.list.sort}>
                    <ArrowDownWideNarrow className="size-4" />
                  </Button>
                </MenuTrigger>
              </Tooltip>
              <MenuContent align="end">
                <MenuRadioGroup
                  value={sort}
                  onValueChange={(value) => {
                    const next = new URLSearchParams(search);
                    next.set("sort", value);
                    say(`?${next}`);
                  }}
                >
                  {SORTS.map((option) => (
                    <MenuRadioItem key={option} value={option}>
                      {strings.search.sorts[option]}
                    </MenuRadioItem>
                  ))}
                </MenuRadioGroup>
              </MenuContent>
            </Menu>
          }
          below={<FilterBar filters={filters} onChange={(next) => say(withFilters(search, next))} />}
          empty={empty}
          end={
            hasNextPage ? (
              <EndOfPage busy={isFetchingNextPage} onSeen={() => void fetchNextPage()} key={ids.length} />
            ) : null
          }
          onMenu={onMenu}
        />
      )}
    />
  );
}

/** Types without waiting for the answer; Enter goes to the first result, Escape leaves the box. */
function SearchBox({
  text,
  onText,
  onDone,
}: {
  text: string;
  onText: (text: string) => void;
  onDone: () => void;
}) {
  const [typed, setTyped] = useState(text);
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (document.activeElement !== box.current) setTyped(text);
  }, [text]);
  return (
    <>
      <h1 className="sr-only">{strings.search.title}</h1>
      <input
        ref={box}
        id="search-box"
        type="search"
        // biome-ignore lint/a11y/noAutofocus: the page exists to be typed into
        autoFocus={text === ""}
        aria-label={strings.search.label}
        placeholder={strings.search.placeholder}
        value={typed}
        onChange={(event) => {
          setTyped(event.target.value);
          onText(event.target.value);
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter") {
            event.currentTarget.blur();
            onDone();
          } else if (event.key === "Escape") {
            // The browser would empty the box, and the page's own Escape would leave it.
            event.preventDefault();
            event.stopPropagation();
            event.currentTarget.blur();
          }
        }}
        className="h-8 min-w-0 flex-[4] rounded-md border border-line-strong bg-surface px-2.5 text-sm placeholder:text-ink-3 coarse:h-10"
      />
    </>
  );
}

function EndOfPage({ busy, onSeen }: { busy: boolean; onSeen: () => void }) {
  const mark = useRef<HTMLDivElement>(null);
  const seen = useRef(onSeen);
  seen.current = onSeen;
  useEffect(() => {
    if (mark.current === null) return;
    const observer = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) seen.current();
    });
    observer.observe(mark.current);
    return () => observer.disconnect();
  }, []);
  return (
    <div ref={mark} role="status" className="p-3 text-center text-ink-3 text-xs">
      {busy ? strings.search.more : "\u00a0"}
    </div>
  );
}
