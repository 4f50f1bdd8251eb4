// Numbers and times for people.

const numbers = new Intl.NumberFormat("en");
const days = new Intl.DateTimeFormat("en", { dateStyle: "medium" });
const times = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

export const count = (number) => numbers.format(number);

export const many = (number, one, more = `${one}s`) => `${count(number)} ${number === 1 ? one : more}`;

/** A size in bytes: "812 bytes", "48 kB", "1.2 MB". */
export function bytes(size) {
  if (size < 1000) return many(size, "byte");
  return size < 1e6 ? `${Math.round(size / 1000)} kB` : `${(size / 1e6).toFixed(1)} MB`;
}

export function moment(stamp) {
  const date = new Date(stamp);
  const day = days.format(date);
  return `${day === days.format(new Date()) ? "Today" : day}, ${times.format(date)}`;
}

/** A span of seconds: "40 s", "12 min", "3 h 20 min". */
export function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole === 0) return "less than a second";
  if (whole < 90) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (minutes % 60 === 0 && hours < 48) return `${hours} h`;
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.round(hours / 24)} days`;
}

export const until = (stamp) => span((new Date(stamp) - Date.now()) / 1000);

/** The last part of a URL's path, and its host: enough to tell tiles apart. Of data: its type and size. */
export function nameOf(url) {
  const data = /^data:([^;]*).*\(([\d,]+ bytes?),/.exec(url);
  if (data) return { name: `${data[1]}, ${data[2]}`, host: "sent with the job" };
  try {
    const { host, pathname } = new URL(url);
    const last = pathname.split("/").filter(Boolean).pop() ?? host;
    return { name: readable(last), host };
  } catch {
    return { name: url, host: "" };
  }
}

/** Decode percent escapes, or return a text whose escapes make no sense as it is. */
export function readable(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The state of a job, for people. */
export function stateOf({ status, counts, cancelled }) {
  if (status !== "complete") {
    return { kind: "running", text: cancelled ? "Cancelling" : status === "pending" ? "Waiting" : "Uploading" };
  }
  if (cancelled) return { kind: "failed", text: "Cancelled" };
  if (counts.failed === 0) return { kind: "done", text: "Complete" };
  return { kind: "failed", text: counts.complete === 0 ? "Failed" : "Partly failed" };
}
