#include "runtime/app/console.h"

#include "runtime/server/route.h"

namespace trunkline::app {
namespace {

// One file, no external assets. The token comes in the fragment, which browsers never send.
constexpr std::string_view kPage = R"html(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Trunkline console</title>
<meta name="viewport" content="width=device-width,initial-scale=1">
<style>
:root{color-scheme:light dark;--line:color-mix(in srgb,currentColor 18%,transparent)}
body{font:14px/1.45 system-ui,sans-serif;margin:0;display:grid;grid-template:auto 1fr / minmax(15rem,20rem) minmax(0,1fr);min-height:100vh}
header{grid-column:1/-1;padding:.7rem 1rem;border-bottom:1px solid var(--line);display:flex;gap:1rem;align-items:baseline;flex-wrap:wrap}
h1{font-size:1rem;margin:0}h2{font-size:.8rem;text-transform:uppercase;letter-spacing:.05em;opacity:.65;margin:0 0 .5rem}
aside,main{padding:1rem;overflow:auto}aside{border-right:1px solid var(--line)}
button{font:inherit;border:1px solid var(--line);background:none;color:inherit;border-radius:4px;padding:.3rem .6rem;cursor:pointer}
aside button{display:block;width:100%;text-align:left;margin-bottom:.3rem}button[aria-current=true]{border-color:#2b7de9}
.bubble{max-width:34rem;border:1px solid var(--line);border-radius:10px;padding:.4rem .7rem;margin:.3rem 0;white-space:pre-wrap}
.bubble.mine{margin-left:auto}.bubble small{display:block;opacity:.6}
form{display:flex;gap:.5rem;margin:.8rem 0}input,select{font:inherit;padding:.3rem .5rem;border:1px solid var(--line);border-radius:4px;background:none;color:inherit}input{flex:1}
table{border-collapse:collapse;width:100%;font-size:13px}td{border-top:1px solid var(--line);padding:.25rem .5rem;vertical-align:top}td{white-space:nowrap}td:last-child{white-space:normal;overflow-wrap:anywhere}
.error{color:#c62828}
aside section{margin-bottom:1rem}.card{border:1px solid var(--line);border-radius:4px;padding:.3rem .6rem;margin-bottom:.3rem;overflow-wrap:anywhere}.card small{display:block;opacity:.7}
.state{font-size:12px;border:1px solid var(--line);border-radius:8px;padding:0 .4rem;margin-left:.4rem}
#mail{border:1px solid var(--line);border-radius:6px;padding:.7rem;margin:.5rem 0 1rem}#mail pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:12px;max-height:24rem;overflow:auto}#mail iframe{width:100%;height:20rem;border:1px solid var(--line);background:#fff}#mail-rows tr{cursor:pointer}
#events tr{cursor:pointer}#events tr:hover,#events tr[aria-current=true]{background:color-mix(in srgb,#2b7de9 12%,transparent)}
#event{border:1px solid var(--line);border-radius:6px;padding:.7rem;margin-bottom:1rem}#event pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:12px}#event h3{font-size:14px;margin:.8rem 0 .2rem}#event p{margin:.2rem 0}
</style></head><body>
<header><h1>Trunkline console</h1><span id="clock"></span><span id="problem" class="error" role="alert"></span></header>
<aside><section><h2>Phones</h2><div id="phones" data-test="phones">No phone has got a message yet.</div></section>
<section><h2>Numbers</h2><div id="numbers" data-test="numbers">The resource has no numbers: <code>trunkline number buy</code>.</div></section>
<section><h2>Mailboxes</h2><div id="mailboxes" data-test="mailboxes">No mail has come yet.</div></section>
<section><h2>Subscriptions</h2><div id="subscriptions" data-test="subscriptions">Nobody is told of events yet: <code>trunkline subscription create</code>.</div></section></aside>
<main><section id="thread" hidden><h2 id="who"></h2><div id="bubbles" data-test="bubbles"></div>
<form id="reply" data-test="reply"><select id="to" aria-label="To"></select><input id="text" placeholder="Answer as this phone" required><button>Send</button></form></section>
<section id="mails" hidden><h2 id="whose"></h2><table data-test="mails"><tbody id="mail-rows"></tbody></table><div id="mail" data-test="mail" hidden></div></section>
<section id="rejected" hidden><h2>Turned away</h2><table data-test="rejections"><tbody id="rejections"></tbody></table></section>
<section id="event" data-test="event" hidden></section>
<h2>Events</h2><table data-test="events"><tbody id="events"><tr><td>Waiting for the first event.</td></tr></tbody></table></main>
<script>
const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? '';
const $ = (id) => document.getElementById(id);
async function call(path, body) {
  const answer = await fetch(path, {method: body ? 'POST' : 'GET', headers: {authorization: 'Bearer ' + token, 'content-type': 'application/json'}, body: body && JSON.stringify(body)});
  const json = answer.status === 204 ? {} : await answer.json();
  $('problem').textContent = answer.ok ? '' : json.error?.message ?? answer.status;
  if (!answer.ok) throw new Error(json.error?.message);
  return json;
}
let phone;
async function phones() {
  const {items} = await call('/_control/phones');
  if (items.length) $('phones').replaceChildren(...items.map((p) => {
    const b = document.createElement('button');
    b.textContent = `${p.number}  (${p.message_count})`;
    b.setAttribute('aria-current', p.number === phone);
    b.onclick = () => { phone = p.number; refresh(); };
    return b;
  }));
}
async function thread() {
  $('thread').hidden = !phone;
  if (!phone) return;
  const {items} = await call(`/_control/phones/${encodeURIComponent(phone)}/messages`);
  $('who').textContent = phone;
  $('bubbles').replaceChildren(...items.map((m) => {
    const d = document.createElement('div');
    d.className = 'bubble' + (m.outbound ? ' mine' : '');
    d.textContent = m.text;
    const s = document.createElement('small');
    s.textContent = `${m.from} → ${m.to}, ${m.at}`;
    d.append(s);
    return d;
  }));
  const others = [...new Set(items.map((m) => (m.outbound ? m.to : m.from)).filter((n) => n.startsWith('+')))].reverse();
  $('to').replaceChildren(...others.map((n) => new Option(n, n)));
}
async function clock() { const c = await call('/_control/clock'); $('clock').textContent = `${c.mode} clock, ${c.now}`; }
async function rejections() {
  const {items} = await call('/_control/rejections');
  $('rejected').hidden = !items.length;
  $('rejections').replaceChildren(...items.slice(0, 10).map((r) => row([r.at, `${r.status} ${r.method} ${r.path}`, r.reason, `found: ${r.found}`, r.wanted && `wanted: ${r.wanted}`])));
}
const el = (tag, text, ...inside) => { const e = document.createElement(tag); if (text) e.textContent = text; e.append(...inside); return e; };
const row = (cells) => el('tr', '', ...cells.map((text) => el('td', String(text ?? ''))));
const badge = (text) => { const e = el('span', text.replace('_', ' ')); e.className = 'state'; return e; };
const button = (text, test, onclick) => { const e = el('button', text); e.dataset.test = test; e.onclick = onclick; return e; };
async function subscriptions() {
  const {items} = await call('/_control/event-subscriptions');
  if (!items.length) return;
  $('subscriptions').replaceChildren(...items.map((s) => {
    const counts = ['queued', 'in_flight', 'retrying', 'blocked', 'dead_lettered', 'dropped'].filter((n) => s.activity[n]).map((n) => `${s.activity[n]} ${n.replace('_', ' ')}`);
    if (s.activity.paused_until) counts.push(`left alone until ${s.activity.paused_until}`);
    const card = el('div', '', el('b', s.name), badge(s.state), el('small', s.endpoint || s.kind), ...(counts.length ? [el('small', counts.join(', '))] : []));
    card.className = 'card';
    return card;
  }));
}
async function numbers() {
  const {items} = await call('/_control/numbers');
  if (!items.length) return;
  $('numbers').replaceChildren(...items.map((n) => {
    const card = el('div', '', el('b', n.number), badge(n.type), el('small', `${n.country_code}, ${n.national_format}`), el('small', `calls: ${n.calling}, texts: ${n.sms}`));
    card.className = 'card';
    return card;
  }));
}
let shown;
const show = (id) => { shown = id; $('event').hidden = !id; if (!id) $('event').replaceChildren(); refresh(); };
async function detail() {
  for (const tr of $('events').rows) tr.setAttribute('aria-current', Boolean(shown) && tr.dataset.id === shown);
  if (!shown) return;
  const e = await call(`/_control/events/${encodeURIComponent(shown)}`);
  if (e.id !== shown) return;
  const again = (subscription) => async () => {
    try { await call(`/_control/events/${encodeURIComponent(e.id)}/redeliver`, {subscription}); } catch { return; }
    refresh();
  };
  $('event').replaceChildren(
    el('b', e.type), el('p', `${e.id}, ${e.time}, ${e.subject}`), el('pre', JSON.stringify(e.data, null, 2)),
    ...(e.subscriptions.length ? [] : [el('p', 'There is no subscription it could go to.')]),
    ...e.subscriptions.map((s) => {
      const one = el('div', '', el('h3', s.subscription, badge(s.state)), el('p', s.summary));
      one.dataset.test = `at-${s.subscription}`;
      if (s.attempts.length) one.append(el('table', '', el('tbody', '', ...s.attempts.map((a) => row([a.number, a.at, a.status ?? '-', a.outcome, `${a.latency_ms.toFixed(1)} ms`, a.reply])))));
      if (s.state !== 'waiting') one.append(button('Send again', `redeliver-${s.subscription}`, again(s.subscription)));
      return one;
    }),
    button('Close', 'close', () => show()));
}
let mailbox, letter;
async function mailboxes() {
  const {items, smtp} = await call('/_control/mailboxes');
  if (items.length) $('mailboxes').replaceChildren(...items.map((m) => {
    const b = button(`${m.address}  (${m.mail_count})`, `mailbox-${m.address}`, () => { mailbox = m.address; letter = undefined; refresh(); });
    b.setAttribute('aria-current', m.address === mailbox);
    return b;
  }), ...(smtp ? [el('small', `SMTP at ${smtp}`)] : []));
  $('mails').hidden = !mailbox;
  if (!mailbox) return;
  $('whose').textContent = mailbox;
  const mails = (await call(`/_control/mails?address=${encodeURIComponent(mailbox)}`)).items.reverse();
  $('mail-rows').replaceChildren(...mails.slice(0, 100).map((m) => {
    const tr = row([m.at.slice(11, 19), m.from, m.subject, Object.values(m.outcomes).join(', ')]);
    tr.dataset.test = `mail-${m.mail_id}`;
    tr.onclick = () => { letter = m.mail_id; read(); };
    return tr;
  }));
}
async function read() {
  const m = await call(`/_control/mails/${encodeURIComponent(letter)}`);
  if (m.mail_id !== letter) return;
  // Somebody else wrote the page: it runs nothing and fetches nothing.
  const frame = document.createElement('iframe');
  frame.sandbox = '';
  frame.title = m.subject;
  frame.srcdoc = m.html ?? '';
  const raw = async () => {
    const answer = await fetch(`/_control/mails/${encodeURIComponent(m.mail_id)}/raw`, {headers: {authorization: 'Bearer ' + token}});
    $('mail').append(el('pre', await answer.text()));
  };
  const complain = (recipient) => async () => { try { await call(`/_control/mails/${encodeURIComponent(m.mail_id)}/complain`, {recipient}); } catch { return; } read(); refresh(); };
  $('mail').hidden = false;
  $('mail').replaceChildren(
    el('b', m.subject), el('pre', m.headers.join('\n')),
    ...Object.entries(m.outcomes).map(([who, outcome]) => el('p', who, badge(outcome), ...(m.operation_id ? [' ', button('Call it spam', `complain-${who}`, complain(who))] : []))),
    ...(m.html ? [frame] : []), ...(m.text ? [el('pre', m.text)] : []),
    ...m.files.map((f) => el('p', `${f.name || 'unnamed'}, ${f.content_type}, ${f.size} bytes${f.content_id ? ', cid:' + f.content_id : ''}`)),
    button('Raw', 'raw', raw), ' ', button('Close', 'close-mail', () => { letter = undefined; $('mail').hidden = true; }));
}
const refresh = () => Promise.all([phones(), numbers(), mailboxes(), thread(), clock(), rejections(), subscriptions(), detail()]).catch(() => {});
$('reply').onsubmit = async (e) => {
  e.preventDefault();
  await call(`/_control/phones/${encodeURIComponent(phone)}/messages`, {to: $('to').value, message: $('text').value});
  $('text').value = '';
  refresh();
};
const rows = [];
async function follow() {
  for (let after = 0;;) {
    try {
      const page = await call(`/_control/events?after=${after}&wait_ms=20000`);
      after = page.next;
      for (const e of page.items) {
        const tr = row([e.sequence, e.time.slice(11, 23), e.type.replace('Microsoft.Communication.', ''), e.subject, JSON.stringify(e.data)]);
        tr.dataset.id = e.id;
        tr.onclick = () => show(e.id);
        rows.unshift(tr);
      }
      if (rows.length) $('events').replaceChildren(...rows.slice(0, 200));
      refresh();
    } catch { await new Promise((r) => setTimeout(r, 2000)); }
  }
}
refresh(); follow();
setInterval(() => { if (shown) refresh(); }, 1000);  // attempts are no events
</script></body></html>
)html";

Task<net::Response> page(server::RouteContext&) {
  net::Response response;
  response.content_type = "text/html; charset=utf-8";
  response.headers.set("content-security-policy",
                       "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'");
  response.headers.set("x-content-type-options", "nosniff");
  response.body = kPage;
  co_return response;
}

}  // namespace

void add_console_routes(std::vector<server::Route>& routes) {
  server::Route route;
  route.method = "GET";
  route.path = "/_console";
  route.auth = server::Auth::kNone;  // the page holds nothing; what it shows it fetches with the token
  route.handler = &page;
  routes.push_back(std::move(route));
}

}  // namespace trunkline::app
