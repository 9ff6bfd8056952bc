<%page expression_filter="h"/>\
<%def name="show(table)">
<div class="scroll" tabindex="0"><table>
% if table.caption:
<caption>${table.caption}</caption>
% endif
<thead><tr>
% for place, column in enumerate(table.columns):
<% long = " long" if long_word(column, HEADING) else "" %>\
<th${f' class="number{long}"' if table.is_number(place) else f' style="min-width: {table.width_ch(place)}ch"' | n}>${column}</th>
% endfor
</tr></thead>
<tbody>
% for row in table.rows:
<tr>
% for place, cell in enumerate(row):
<td${' class="number"' if table.is_number(place) else ' class="long"' if long_word(cell) else '' | n}>${text(plain(cell))}${cite(cell)}</td>
% endfor
</tr>
% endfor
</tbody></table></div>
</%def>\
<%def name="cite(cell)">\
% if getattr(cell, "notes", ()):
<sup>\
% for place, note in enumerate(cell.notes):
<% first, number = note not in footnotes.sentences, footnotes.number(note) %>\
${', ' if place else ''}<a href="#note-${number}"${f' id="cite-{number}"' if first else '' | n}>${number}</a>\
% endfor
</sup>\
% endif
</%def>\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src ${scripts}; base-uri 'none'; form-action 'none'">
<title>${name}: quweit report</title>
<style>
${style | n}
</style>
</head>
<body>
<h1>${name}</h1>
<p class="faint">${subtitle}</p>
<div class="cards">
% for card in cards:
<div class="card">
<div class="title">${card.title}</div>
<div class="figure ${card.mood}">${card.figure}</div>
% for line in card.notes:
<div class="note">${line}</div>
% endfor
</div>
% endfor
</div>
% if len(sections) > 1:
<nav class="contents" aria-label="Contents">
<ul>
% for section in sections:
% if section.level == 2:
<li><a href="#${section.anchor}">${section.title}</a></li>
% endif
% endfor
</ul>
</nav>
% endif
% for section in sections:
<h${section.level} id="${section.anchor}">${section.title}</h${section.level}>
% for paragraph in section.paragraphs:
<p>${paragraph}</p>
% endfor
% if section.plot:
<figure class="scroll" tabindex="0">
${section.plot | n}
</figure>
% endif
% if section.body:
${section.body | n}
% endif
% for table in section.tables:
${show(table)}
% endfor
% for summary, plot in section.folded:
<details><summary>${summary}</summary>
<figure class="scroll" tabindex="0">
${plot | n}
</figure>
</details>
% endfor
% for table in section.details:
<details><summary>${table.caption}, ${len(table.rows)} rows</summary>
${show(table._replace(caption=''))}
</details>
% endfor
% if section.method:
<p class="method">${section.method}</p>
% endif
% if section.links:
<ul class="links">
% for link in section.links:
<li><a href="${quote(link)}">${link.removeprefix('../')}</a></li>
% endfor
</ul>
% endif
% endfor
% if footnotes.sentences:
<h2>Notes</h2>
<ol class="notes">
% for number, sentence in enumerate(footnotes.sentences, start=1):
<li id="note-${number}">${sentence} <a href="#cite-${number}" title="back to the figure">↑</a></li>
% endfor
</ol>
% endif
<footer>
% for line in footer:
<div>${line}</div>
% endfor
</footer>
% if data:
<script type="application/json" id="explore-data">${data | n}</script>
<script>${script | n}</script>
% endif
</body>
</html>
