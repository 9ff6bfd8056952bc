<%page args="number, maps" expression_filter="h"/>\
<div class="without-script">
<p>Residual stream of golden sample ${number}, tokens from top to bottom, features from left to right; the lighter, the larger:</p>
<ul class="misread">
% for title, address in maps:
<li><img src="${address}" alt="Residual stream of sample ${number} ${title}" width="112" height="112"><span>${title}</span></li>
% endfor
</ul>
</div>
<div class="explore" id="explore-model" hidden>
<div class="controls">
<label>Golden sample <select id="sample"></select></label>
<span><button type="button" id="sample-before" aria-label="Sample before">◂</button><button type="button" id="sample-after" aria-label="Sample after">▸</button></span>
</div>
<div class="parts">
<div class="part"><h4>Input</h4><div id="sample-input"></div></div>
<div class="part"><h4>Logits</h4><div id="sample-logits"></div></div>
</div>
<h3>Residual stream</h3>
<p class="faint" id="stream-scale"></p>
<p id="stream-said" aria-live="polite">Tokens from top to bottom, features from left to right; point at a cell, or move with arrow keys, to read its integer.</p>
<div id="streams"></div>
</div>
