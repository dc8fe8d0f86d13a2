"use strict";
(function () {
  var text = document.getElementById("filter");
  var boxes = Array.prototype.slice.call(document.querySelectorAll("input[name=verdict]"));
  var searches = Array.prototype.slice.call(document.querySelectorAll(".search"));
  var shown = document.getElementById("shown");
  var words = searches.map(function (search) { return search.textContent.toLowerCase(); });
  function apply() {
    var wanted = text.value.toLowerCase();
    var verdicts = boxes.filter(function (box) { return box.checked; }).map(function (box) { return box.value; });
    var count = 0;
    searches.forEach(function (search, at) {
      var fits = verdicts.indexOf(search.dataset.verdict) >= 0 && words[at].indexOf(wanted) >= 0;
      search.hidden = !fits;
      count += fits ? 1 : 0;
    });
    shown.dataset.count = count;
    shown.textContent = count + " of " + searches.length + " shown";
  }
  text.addEventListener("input", apply);
  boxes.forEach(function (box) { box.addEventListener("change", apply); });
  apply();
})();
