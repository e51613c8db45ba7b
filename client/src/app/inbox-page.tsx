import { lazy, Suspense, useCallback, useEffect, useMemo, useState } from "react";
import { Redirect, useLocation, useSearch } from "wouter";
import { useDesk } from "@/desk/desk-context";
import { type Filters, hasFilters, parseFilters, withFilters } from "@/desk/filters";
import { number } from "@/desk/format-time";
import { newId } from "@/desk/new-id";
import type { View } from "@/desk/saved-views";
import { useSavedViews, useView } from "@/desk/use-live";
import {
  type BaseView,
  GROUPS,
  type Group,
  isBaseView,
  isViewId,
  SORTS,
  type Sort,
  viewSpec,
} from "@/desk/views";
import { whenIdle } from "@/desk/when-idle";
import { EmptyList, TicketList, useBoardAbsent } from "@/features/inbox/ticket-list";
import { strings } from "./strings/strings";
import { TicketBrowser } from "./ticket-browser";

const FilterBar = lazy(() =>
  whenIdle()
    .then(() => import("@/features/inbox/filter-bar"))
    .then((m) => ({ default: m.FilterBar })),
);
const AddFilter = lazy(() =>
  whenIdle()
    .then(() => import("@/features/inbox/filter-bar"))
    .then((m) => ({ default: m.AddFilter })),
);
const ListMenu = lazy(() =>
  whenIdle()
    .then(() => import("@/features/inbox/list-menu"))
    .then((m) => ({ default: m.ListMenu })),
);
const DeleteView = lazy(() =>
  import("@/features/inbox/delete-view").then((m) => ({ default: m.DeleteView })),
);
const ViewDialog = lazy(() => import("@/desk/view-dialog").then((m) => ({ default: m.ViewDialog })));

export function InboxPage({
  view,
  ticket,
  onMenu,
}: {
  view: string;
  ticket: string | undefined;
  onMenu: () => void;
}) {
  const saved = useSavedViews().find((own) => `saved-${own.id}` === view);
  if (!isViewId(view) || (!isBaseView(view) && saved === undefined))
    return <Redirect to="/inbox/mine" replace />;
  const id = ticket === undefined ? null : Number(ticket);
  if (id !== null && !Number.isSafeInteger(id)) return <Redirect to={`/inbox/${view}`} replace />;
  const base = saved === undefined ? view : saved.base;
  if (!isBaseView(base)) return <Redirect to="/inbox/mine" replace />;
  return <InboxView view={view} base={base} saved={saved} selected={id} onMenu={onMenu} />;
}

function useKept<T extends string>(
  key: string,
  options: readonly T[],
  otherwise: T,
): [T, (value: T) => void] {
  const [value, setValue] = useState(
    () => options.find((option) => option === localStorage.getItem(key)) ?? otherwise,
  );
  const keep = (next: T) => {
    localStorage.setItem(key, next);
    setValue(next);
  };
  return [value, keep];
}

function InboxView({
  view,
  base,
  saved,
  selected,
  onMenu,
}: {
  view: string;
  base: BaseView;
  saved: View | undefined;
  selected: number | null;
  onMenu: () => void;
}) {
  const { me, info } = useDesk();
  const [, navigate] = useLocation();
  const query = useSearch();
  const [sort, setSort] = useKept<Sort>("hotdesk.sort", SORTS, "due");
  const [group, setGroup] = useKept<Group>("hotdesk.group", GROUPS, "none");
  const [saving, setSaving] = useState<View | null>(null);
  // A saved view's own filters show until the address says otherwise.
  const search = query === "" && saved !== undefined ? saved.search : query;
  const filters = useMemo(() => parseFilters(search), [search]);
  const ids = useView(viewSpec(base, sort, me.id, filters, group));
  const hrefOf = useCallback(
    (id: number | null) => `/inbox/${view}${id === null ? "" : `/${id}`}${query === "" ? "" : `?${query}`}`,
    [view, query],
  );
  const absent = useBoardAbsent();

  const title =
    saved?.name ??
    (base.startsWith("team-")
      ? (info.teams.find((team) => `team-${team.id}` === base)?.name ?? base.slice(5))
      : strings.views[base as keyof typeof strings.views]);

  useEffect(() => {
    document.title = selected === null ? `${title} · ${info.name}` : `#${selected} · ${info.name}`;
  }, [title, selected, info.name]);

  const filter = (next: Filters) => {
    const text = withFilters(query, next);
    // In a saved view an empty query means its own filters: taking the last one away leads back to what it narrows.
    const to = saved !== undefined && !hasFilters(next) ? `/inbox/${base}` : `/inbox/${view}${text}`;
    navigate(to, { replace: true });
  };

  return (
    <>
      <TicketBrowser
        ids={ids}
        selected={selected}
        hrefOf={hrefOf}
        scope={`${view}?${search}`}
        list={(selection) => (
          <TicketList
            ids={ids}
            selected={selected}
            selection={selection}
            hrefOf={hrefOf}
            showAssignee={base !== "mine"}
            group={group}
            title={<h1 className="min-w-0 truncate font-semibold text-base tracking-tight">{title}</h1>}
            count={number(ids.length)}
            menu={
              <Suspense fallback={<span className="h-7 w-16 coarse:h-11" />}>
                {saved === undefined ? null : <DeleteView view={saved} />}
                {hasFilters(filters) ? null : <AddFilter sign filters={filters} onChange={filter} />}
                <ListMenu sort={sort} onSort={setSort} group={group} onGroup={setGroup} />
              </Suspense>
            }
            below={
              hasFilters(filters) ? (
                <Suspense fallback={<div className="h-9.5 shrink-0 border-b" />}>
                  <FilterBar
                    filters={filters}
                    onChange={filter}
                    onSave={
                      saved === undefined || query !== ""
                        ? () =>
                            setSaving({
                              id: newId().slice(0, 8),
                              name: "",
                              base,
                              search: withFilters("", filters),
                            })
                        : undefined
                    }
                  />
                </Suspense>
              ) : null
            }
            empty={
              absent ??
              (ids.length > 0 ? null : (
                <EmptyList
                  words={
                    hasFilters(filters)
                      ? strings.filters.noMatch
                      : (strings.empty[base] ?? strings.empty.team)
                  }
                />
              ))
            }
            onMenu={onMenu}
          />
        )}
      />
      <Suspense fallback={null}>
        {saving === null ? null : (
          <ViewDialog
            view={saving}
            onClose={() => setSaving(null)}
            onSaved={() => {
              setSaving(null);
              navigate(`/inbox/saved-${saving.id}`);
            }}
          />
        )}
      </Suspense>
    </>
  );
}
