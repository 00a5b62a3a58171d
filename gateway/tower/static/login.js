// A link may carry the key behind its #: that part is sent to nobody. Whoever follows it still says that they want in.
"use strict";

const key = decodeURIComponent(location.hash.slice(1));
if (key) {
  history.replaceState(null, "", location.pathname + location.search);
  document.getElementById("key").value = key;
  document.querySelector("button").focus();
}
