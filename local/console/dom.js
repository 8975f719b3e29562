// Creates elements without markup, so that text is never taken for HTML.

export const find = (selector, root = document) => root.querySelector(selector);

/** `attributes` are set as attributes, but for `on…`, which listen; children are elements or text. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Radio buttons that look like chips: one of `choices` ({value, text, mark?}); `chosen` is checked. */
export function chips(name, choices, chosen, onchange) {
  return choices.map(({ value, text, mark }) => {
    const input = make("input", { type: "radio", name, value, checked: value === chosen, onchange });
    return make("label", { class: "chip" }, input, ...(mark ? [mark] : []), make("span", {}, text));
  });
}

/** The value of the checked radio button called `name`; undefined when there is none. */
export const picked = (name) => find(`input[name="${name}"]:checked`)?.value;
