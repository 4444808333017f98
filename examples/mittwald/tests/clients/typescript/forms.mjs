// Reads the forms of an HTML page: enough for pages that work without script.

const ENTITIES = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' };

function decode(text) {
  return text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|([a-z]+));/gi, (whole, hex, decimal, name) => {
    if (name) return ENTITIES[name.toLowerCase()] ?? whole;
    const point = hex ? parseInt(hex, 16) : Number(decimal);
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
}

function attributesOf(tag) {
  const found = {};
  const inside = tag.replace(/^<\/?[a-z0-9-]+/i, '').replace(/\/?>$/, '');
  for (const match of inside.matchAll(/([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+)))?/g)) {
    found[match[1].toLowerCase()] ??= decode(match[2] ?? match[3] ?? match[4] ?? '');
  }
  return found;
}

const withoutCode = (html) => html.replace(/<!--[\s\S]*?-->|<(script|style)\b[\s\S]*?<\/\1\s*>/gi, ' ');

/** What a person would read, on one line and short enough for an error. */
export function plainText(html) {
  return decode(withoutCode(html).replace(/<[^>]*>/g, ' ')).replace(/\s+/g, ' ').trim().slice(0, 300);
}

const TAG = /<(\/?)(form|input|button|textarea)\b(?:"[^"]*"|'[^']*'|[^'">])*>/gi;

/** All forms of a page: `{ action, method, inputs, buttons }` in document order. */
export function parseForms(html) {
  const text = withoutCode(html);
  const forms = [];
  const byId = new Map();
  const orphans = [];
  let open = null;
  const place = (kind, attributes, item) => {
    const target = attributes.form === undefined ? open : attributes.form;
    if (target && typeof target === 'object') target[kind].push(item);
    else if (target) orphans.push([target, kind, item]);
  };
  for (const match of text.matchAll(TAG)) {
    const [tag, closing, element] = match;
    const name = element.toLowerCase();
    if (name === 'form') {
      open = null;
      if (closing) continue;
      const { action = '', method = 'get', id } = attributesOf(tag);
      open = { action, method: method.toLowerCase(), inputs: [], buttons: [] };
      forms.push(open);
      if (id) byId.set(id, open);
    } else if (!closing) {
      const of = attributesOf(tag);
      if (of.disabled !== undefined) continue;
      const type = (of.type || (name === 'button' ? 'submit' : 'text')).toLowerCase();
      if (name === 'button' || type === 'submit') {
        if (type !== 'submit') continue;
        const end = text.indexOf('</button', match.index);
        const label = name === 'button' && end > 0 ? plainText(text.slice(match.index + tag.length, end)) : of.value ?? '';
        place('buttons', of, { name: of.name, value: of.value ?? '', label, formaction: of.formaction });
      } else if (!['button', 'reset', 'image'].includes(type)) {
        const ticked = !['checkbox', 'radio'].includes(type) || of.checked !== undefined;
        const value = of.value ?? (ticked && type === 'checkbox' ? 'on' : '');
        place('inputs', of, { name: of.name, type, value, submitted: ticked });
      }
    }
  }
  for (const [id, kind, item] of orphans) byId.get(id)?.[kind].push(item);
  return forms;
}

const APPROVES = /\b(allow|approve|accept|authori[sz]e|consent|confirm|continue|grant|yes|agree)\b/i;
const REFUSES = /\b(deny|refuse|reject|cancel|decline|abort|disallow|no|not|don['’]?t)\b/i;

/** The one button of `form` that says yes, by its value or label; undefined when none does. */
export function approvingButton(form) {
  return form.buttons.find(({ value, label }) => {
    const words = `${value} ${label}`;
    return APPROVES.test(words) && !REFUSES.test(words);
  });
}
