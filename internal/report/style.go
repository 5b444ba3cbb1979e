package report

// style is the look of the page: no font, no picture and no script from anywhere.
// A colour never says anything that a word or a mark does not say too.
const style = `:root{color-scheme:light dark;--paper:#fbfaf8;--card:#fff;--ink:#1d1c1a;--soft:#5e5a54;--line:#e4e0d9;--well:#f3f1ed;
--good:#16653a;--bad:#b0231b;--warn:#7d4a00;--run:#1d5a9e;--sans:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
--mono:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
@media (prefers-color-scheme:dark){:root{--paper:#131417;--card:#1a1c20;--ink:#e9e7e2;--soft:#a6a29a;--line:#2e3036;--well:#202227;
--good:#6fc48d;--bad:#ff8b80;--warn:#e6b45c;--run:#7fb5f2}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 var(--sans);border-top:6px solid var(--tone);overflow-wrap:anywhere}
.good{--tone:var(--good)}.bad{--tone:var(--bad)}.warn{--tone:var(--warn)}.run{--tone:var(--run)}.none{--tone:var(--soft)}
main{max-width:64rem;margin:0 auto;padding:2rem 1.25rem 4rem}
h1{margin:.1rem 0 .4rem;font-size:clamp(1.75rem,1.2rem + 2.6vw,2.75rem);line-height:1.12;font-weight:680;letter-spacing:-.02em;color:var(--tone)}
h2{margin:2.75rem 0 .75rem;font-size:1.0625rem;font-weight:650;letter-spacing:-.005em}
h3{margin:0 0 .35rem;font-size:.8125rem;font-weight:600;color:var(--soft)}
h2 small{font-weight:400;font-size:.875rem;color:var(--soft);margin-left:.4rem}
p{margin:.25rem 0}
code,pre,.mono{font-family:var(--mono);font-size:.8125rem}
.over,.meta,.note{color:var(--soft);font-size:.875rem}
.lede{font-size:1.125rem}
.meta{margin-top:.6rem;display:flex;flex-wrap:wrap;gap:.1rem 1.25rem}
.why{margin-top:2rem;background:var(--card);border:1px solid var(--line);border-left:4px solid var(--tone);border-radius:6px;padding:1.1rem 1.25rem}
.why h2{margin:1.1rem 0 .2rem;font-size:.8125rem;font-weight:600;color:var(--soft)}
.why h2:first-child{margin-top:0}
.why p{white-space:pre-wrap;margin:0}
.why .cause{font-size:1.0625rem;font-weight:500}
pre{margin:.35rem 0 0;padding:.85rem 1rem;background:var(--well);border-radius:5px;white-space:pre-wrap;line-height:1.55;tab-size:4}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));gap:1px;background:var(--line);border:1px solid var(--line);border-radius:6px;overflow:hidden}
.facts>section{background:var(--card);padding:1rem 1.25rem}
.facts p{font-size:.9375rem}
.facts .big{font-size:1.0625rem;font-weight:600}
dl{margin:.4rem 0 0;display:grid;grid-template-columns:5rem minmax(0,1fr);gap:.15rem .75rem;font-size:.875rem}
dt{color:var(--soft)}dd{margin:0}
.steps{list-style:none;margin:0;padding:0;border-top:1px solid var(--line)}
.steps li{display:grid;grid-template-columns:1.25rem 17rem minmax(0,1fr) 5.5rem;gap:0 .75rem;align-items:center;padding:.42rem 0;border-bottom:1px solid var(--line)}
.mark{font-weight:700;color:var(--tone);text-align:center}
.name{font-family:var(--mono);font-size:.875rem}
li.bad .name,li.run .name{font-weight:700}
li.good .bar{opacity:.82}
li.none .name{color:var(--soft)}
.name small{font:400 .8125rem/1 var(--sans);color:var(--soft);margin-left:.5rem;display:inline-block;max-width:100%}
.time{text-align:right;font-variant-numeric:tabular-nums;font-size:.875rem}
.say{grid-column:2/-1;color:var(--soft);font-size:.8125rem}
li.bad .say{color:var(--bad)}
.track{display:block;position:relative;height:.875rem;background:linear-gradient(90deg,var(--line) 1px,transparent 1px) 0/25% 100%;border-right:1px solid var(--line)}
.bar{position:absolute;top:0;bottom:0;left:min(calc(var(--l)*1%),calc(100% - 3px));width:max(3px,calc(var(--w)*1%));background:var(--tone);border-radius:2px}
li.bad .bar{background:repeating-linear-gradient(135deg,var(--bad) 0 5px,color-mix(in srgb,var(--bad) 65%,var(--paper)) 5px 8px)}
li.run .bar{background:repeating-linear-gradient(90deg,var(--run) 0 6px,transparent 6px 9px)}
.axis{display:grid;grid-template-columns:1.25rem 17rem minmax(0,1fr) 5.5rem;gap:0 .75rem;color:var(--soft);font-size:.75rem;font-variant-numeric:tabular-nums}
.axis b{font-weight:400}
.axis span{grid-column:3;display:flex;justify-content:space-between;padding-top:.25rem}
table{width:100%;border-collapse:collapse;table-layout:fixed;font-size:.875rem}
caption{text-align:left;padding:.75rem 0 .25rem;font-weight:600;font-size:.875rem}
th{text-align:left;font-weight:500;color:var(--soft);font-size:.8125rem}
th,td{padding:.38rem .75rem .38rem 0;border-bottom:1px solid var(--line);vertical-align:top}
th:last-child,td:last-child{padding-right:0}
.wide{width:50%}.thin{width:14%}
td small{display:block;color:var(--soft);font-size:.8125rem}
summary{cursor:pointer;padding:.35rem 0;font-size:.9375rem}
ul{margin:.25rem 0;padding-left:1.15rem;font-size:.9375rem}
li::marker{color:var(--soft)}
.names{font-family:var(--mono);font-size:.8125rem;line-height:1.8}
footer{margin-top:3rem;padding-top:1rem;border-top:1px solid var(--line);color:var(--soft);font-size:.8125rem}
:focus-visible{outline:2px solid var(--run);outline-offset:2px}
@media (max-width:40rem){pre{font-size:.72rem;padding:.6rem .7rem}.why{padding:.9rem .9rem 1rem}main{padding:1.25rem 1rem 3rem}h2{margin-top:2.1rem}
.steps li{grid-template-columns:1.25rem minmax(0,1fr) auto}.steps .track{grid-column:2/-1;grid-row:2;margin-top:.3rem}.steps .track:empty{display:none}.axis{grid-template-columns:1.25rem minmax(0,1fr)}.axis b{font-weight:400}
.axis span{grid-column:2}
.wide{width:44%}.thin{width:18%}td,th{padding-right:.5rem}}
@media print{body{background:#fff;border-top-width:3px}main{max-width:none;padding:0}li,tr,.facts>section{break-inside:avoid}h2{break-after:avoid}
.bar,body{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
`
