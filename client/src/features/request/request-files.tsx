import { useQuery } from "@tanstack/react-query";
import clsx from "clsx";
import { Download, File as FileIcon, Paperclip } from "lucide-react";
import { useEffect, useId, useRef, useState, useSyncExternalStore } from "react";
import { strings } from "@/app/strings/strings";
import { Button } from "@/components/ui/button";
import { AttachmentTray } from "@/desk/attachment-tray";
import { useFileDrop } from "@/desk/file-drop";
import { FilePicker } from "@/desk/file-picker";
import { bytes, list } from "@/desk/format-time";
import { problemText } from "@/desk/refusal-text";
import { Uploads } from "@/desk/uploads";
import type { Attachment, FileLimits } from "@/protocol/types";
import { Cell } from "@/sync/cell";
import { browserClock } from "@/sync/clock";
import { asProblem, type ProblemError } from "@/sync/problem-error";
import type { RequestsApi } from "@/sync/requests";
import type { UploadWire } from "@/sync/upload-wire";

/** Here only one message is written at a time. */
const MESSAGE = 0;

/** The files of the message that a customer writes: chosen, dropped or pasted, and sent while the words are written. */
export function useRequestFiles(wire: UploadWire, limits: FileLimits | null) {
  const [{ chosen, uploads }] = useState(() => {
    const chosen = new Cell<readonly Attachment[]>([]);
    const drafts = {
      get: () => ({ files: chosen.get() }),
      write: (_: number, { files }: { files: Attachment[] }) => chosen.set(files),
    };
    return { chosen, uploads: new Uploads(wire, drafts, browserClock) };
  });
  const on = uploads.of(MESSAGE);
  const files = useSyncExternalStore(chosen.subscribe, chosen.get);
  const sending = useSyncExternalStore(on.subscribe, on.get);
  const [error, setError] = useState<string | null>(null);

  const attach = (added: readonly File[]) => {
    if (limits === null) return;
    const refused = tooMuch(added, [...chosen.get(), ...on.get()], limits);
    setError(refused);
    if (refused === null) uploads.add(MESSAGE, added);
  };

  return {
    limits,
    files,
    sending,
    uploads,
    error,
    attach,
    drop: useFileDrop(attach),
    ids: files.map((file) => file.id),
    /** Whether the message may go; what hinders it is said. */
    ready: (): boolean => {
      if (on.get().length === 0) return true;
      const failed = on.get().some(({ state }) => state.kind === "failed");
      setError(failed ? strings.request.files.failed : strings.files.stillSending);
      return false;
    },
    /** The message has them. */
    sent: () => {
      chosen.set([]);
      setError(null);
    },
    /** Says what was wrong with them, and takes off what the desk has no more; false where the files were not the matter. */
    refused: (problem: ProblemError): boolean => {
      const named = problem.fields.filter(({ pointer }) => pointer.startsWith("/attachments"));
      if (named.length === 0) return false;
      const gone = new Set(named.map(({ pointer }) => Number(pointer.split("/")[2] ?? -1)));
      const names = files.filter((_, index) => gone.has(index)).map((file) => file.name);
      setError(names.length > 0 ? strings.request.files.gone(list(names)) : strings.request.files.refused);
      chosen.set(files.filter((_, index) => !gone.has(index)));
      return true;
    },
  };
}

export type RequestFiles = ReturnType<typeof useRequestFiles>;

/** Said before a byte is sent. */
function tooMuch(
  added: readonly File[],
  present: readonly { bytes: number }[],
  limits: FileLimits,
): string | null {
  const words = strings.request.files;
  if (present.length + added.length > limits.message_files) return words.tooMany(limits.message_files);
  for (const file of added) {
    if (file.size === 0) return words.empty(file.name);
    if (file.size > limits.file_bytes) return words.tooBig(file.name, bytes(limits.file_bytes));
  }
  const together = [...present.map((file) => file.bytes), ...added.map((file) => file.size)];
  if (together.reduce((sum, size) => sum + size, 0) > limits.message_bytes)
    return words.tooBigTogether(bytes(limits.message_bytes));
  return null;
}

/** A button for those who do not drop or paste, and what is attached so far. */
export function FileField({ attached }: { attached: RequestFiles }) {
  const { limits, files, sending, uploads, error, attach, drop } = attached;
  const picker = useRef<HTMLInputElement>(null);
  const id = useId();
  if (limits === null) return null;
  return (
    <div
      className={clsx(
        "flex flex-col gap-2 rounded-md border border-dashed p-2",
        drop.dropping ? "border-accent bg-accent-soft" : "border-line-strong",
      )}
    >
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <FilePicker ref={picker} onPick={attach} />
        <Button
          variant="ghost"
          aria-describedby={`${id}-hint`}
          onClick={() => picker.current?.click()}
          className="text-ink"
        >
          <Paperclip className="size-4" aria-hidden="true" />
          {strings.files.attach}
        </Button>
        <p id={`${id}-hint`} className={clsx("text-xs", drop.dropping ? "text-accent" : "text-ink-3")}>
          {drop.dropping
            ? strings.files.drop
            : strings.request.files.hint(limits.message_files, bytes(limits.file_bytes))}
        </p>
      </div>
      <AttachmentTray ticket={MESSAGE} files={files} sending={sending} uploads={uploads} />
      {error === null ? null : (
        <p role="alert" className="text-danger text-xs">
          {error}
        </p>
      )}
    </div>
  );
}

/** The files of a message, as whoever holds the link has them. */
export function FilesOfMessage({
  files,
  token,
  api,
}: {
  files: readonly Attachment[];
  token: string;
  api: RequestsApi;
}) {
  if (files.length === 0) return null;
  return (
    <ul aria-label={strings.files.attached} className="mt-1 flex flex-wrap gap-2">
      {files.map((file) => (
        <li key={file.id} className="max-w-full">
          <FileOfMessage file={file} token={token} api={api} />
        </li>
      ))}
    </ul>
  );
}

function FileOfMessage({ file, token, api }: { file: Attachment; token: string; api: RequestsApi }) {
  const [state, setState] = useState<"idle" | "busy" | { failed: string }>("idle");
  const picture = usePicture(file, token, api);
  const save = async () => {
    setState("busy");
    try {
      // Whatever it is, the browser is given nothing that it might show.
      const blob = new Blob([await api.file(token, file.id, "content")], {
        type: "application/octet-stream",
      });
      saveAs(blob, file.name);
      setState("idle");
    } catch (failure) {
      setState({ failed: problemText(asProblem(failure)) });
    }
  };
  return (
    <>
      <button
        type="button"
        aria-label={strings.files.download(file.name)}
        aria-busy={state === "busy"}
        title={file.name}
        onClick={() => void save()}
        disabled={state === "busy"}
        className="flex max-w-full flex-col overflow-hidden rounded-md border bg-surface text-left text-xs hover:border-line-strong disabled:opacity-60"
      >
        {picture === null ? null : (
          <img src={picture} alt="" className="h-32 w-full min-w-40 max-w-72 bg-sunken object-cover" />
        )}
        <span className="flex w-full max-w-72 items-center gap-2 px-2.5 py-1.5 coarse:min-h-11">
          {picture === null ? <FileIcon className="size-4 shrink-0 text-ink-3" aria-hidden="true" /> : null}
          <span className="min-w-0 flex-1 truncate font-medium">{file.name}</span>
          <span className="shrink-0 text-ink-3 tabular-nums">{bytes(file.bytes)}</span>
          <Download className="size-3.5 shrink-0 text-ink-3" aria-hidden="true" />
        </span>
      </button>
      {typeof state === "object" ? (
        <p role="alert" className="mt-1 text-danger text-xs">
          {state.failed}
        </p>
      ) : null}
    </>
  );
}

/** The small picture: its address alone does not have it, so it is fetched with the link's secret. */
function usePicture(file: Attachment, token: string, api: RequestsApi): string | null {
  const small = useQuery({
    queryKey: ["request-picture", file.id],
    queryFn: () => api.file(token, file.id, "thumbnail"),
    enabled: file.thumbnail === true,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const [address, setAddress] = useState<string | null>(null);
  useEffect(() => {
    if (small.data === undefined) return;
    const made = URL.createObjectURL(small.data);
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [small.data]);
  return address;
}

function saveAs(blob: Blob, name: string): void {
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  // Some browsers begin to read it only after a while.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
