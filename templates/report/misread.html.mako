<%page args="shown" expression_filter="h"/>\
<ul class="misread">
% for address, sample, read, true in shown:
<li><img src="${address}" alt="Test image ${sample}, read as ${read}, is ${true}" width="72" height="72">
<span>read <b>${read}</b>, is <b>${true}</b></span></li>
% endfor
</ul>
