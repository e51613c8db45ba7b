import { RequestFormPage } from "@/features/request/request-form-page";
import { RequestPage } from "@/features/request/request-page";
import { MessageBody } from "@/features/ticket/message-body";
import { createRequestsApi } from "@/sync/requests";
import { xhrRequestUploads } from "@/sync/upload-wire";

const api = createRequestsApi(
  (input, init) => fetch(input, init),
  xhrRequestUploads(() => new XMLHttpRequest()),
);

/** What customers see, a chunk of its own: the form, and a request by its private link. */
export function RequestPages({ form }: { form: boolean }) {
  if (form) return <RequestFormPage api={api} />;
  return <RequestPage api={api} body={(message) => <MessageBody message={message} />} />;
}
