<%page args="number, maps" expression_filter="h"/>\
% if maps:
<div class="without-script">
<p>Golden sample ${number}, the mean of all tokens, a cell a patch; the lighter, the more a head looks there:</p>
<ul class="misread">
% for title, address in maps:
<li><img src="${address}" alt="Where ${title} looks, sample ${number}" width="112" height="112"><span>${title}</span></li>
% endfor
</ul>
</div>
% endif
<div class="explore" id="explore-attention" hidden>
<div class="controls">
<label>Layer <select id="attention-layer"></select></label>
<label>Looking <select id="attention-token"></select></label>
<span><button type="button" id="attention-before" aria-label="Token before">◂</button><button type="button" id="attention-after" aria-label="Token after">▸</button></span>
</div>
<p id="attention-said" aria-live="polite"></p>
<div id="attention-heads"></div>
</div>
