"""Sixty FHIRPath expressions of the kinds that Questionnaires score with, over the items of scored_form."""

EXPRESSIONS = (
    # sums of weights
    "%resource.item.where(linkId='s1').answer.value.ordinal()",
    "%resource.item.where(linkId='s1').answer.value.weight()",
    "%resource.item.where(linkId='p').answer.value.weight()",
    "item.where(linkId='s1' or linkId='s2').answer.value.ordinal().sum()",
    "item.where(linkId.startsWith('s')).answer.value.ordinal().sum()",
    "item.where(linkId in ('s1' | 's2' | 's3')).answer.value.weight().sum()",
    "item.where(linkId='ticks').answer.value.ordinal().sum()",
    "item.where(linkId='p' or linkId='s5').answer.value.weight().sum()",
    "item.where(linkId.matches('^s[1-5]$')).answer.value.ordinal().aggregate($this + $total, 0)",
    "item.answer.value.ofType(Coding).weight().sum()",
    "item.where(linkId='visit').item.where(linkId='pain').answer.value.ordinal().sum()",
    "descendants().where(linkId='pain').answer.value.ordinal().sum()",
    "repeat(item).where(linkId='pain').answer.value.weight().max()",
    # least, most, mean
    "item.where(linkId.startsWith('s')).answer.value.ordinal().min()",
    "item.where(linkId.startsWith('s')).answer.value.ordinal().max()",
    "item.where(linkId.startsWith('s')).answer.value.ordinal().avg()",
    "item.where(linkId='times').answer.value.min()",
    "item.where(linkId='times').answer.value.max()",
    "item.where(linkId='times').answer.value.sum()",
    "item.where(linkId='times').answer.value.avg()",
    "item.where(linkId='dose').answer.value.value.sum()",
    "item.where(linkId='dose').answer.value.value.avg()",
    "item.where(linkId='dose').answer.value.value.max() - item.where(linkId='dose').answer.value.value.min()",
    "item.where(linkId='dose').answer.value.sum()",
    # arithmetic
    "item.where(linkId='s1').answer.value.ordinal() * 2 + item.where(linkId='s2').answer.value.ordinal()",
    "(item.where(linkId.startsWith('s')).answer.value.ordinal().sum() / 5).round(2)",
    "item.where(linkId.startsWith('s')).answer.value.ordinal().sum() div 4",
    "item.where(linkId.startsWith('s')).answer.value.ordinal().sum() mod 4",
    "(item.where(linkId='body').item.where(linkId='weight').answer.value"
    " / item.where(linkId='body').item.where(linkId='height').answer.value.power(2)).round(1)",
    "(item.where(linkId='times').answer.value.sum() * 10 / 3).truncate()",
    "item.where(linkId='times').answer.value.first().abs()",
    "item.where(linkId='body').item.where(linkId='height').answer.value * 100",
    "(item.where(linkId='body').item.where(linkId='weight').answer.value / 7).ceiling()",
    "item.where(linkId='s1').answer.value.ordinal() - item.where(linkId='p').answer.value.weight()",
    # counts
    "item.where(linkId.startsWith('s') and answer.exists()).count()",
    "item.where(linkId.startsWith('s')).answer.value.where(code='all').count()",
    "item.where(linkId='ticks').answer.count()",
    "item.where(linkId='times').answer.value.where($this > 3).count()",
    "item.where(linkId='times').answer.value.distinct().count()",
    "item.where(linkId.startsWith('s')).answer.value.code.distinct().count() > 2",
    # bands
    "iif(item.where(linkId.startsWith('s')).answer.value.ordinal().sum() >= 8, 'high', 'low')",
    "iif(item.where(linkId='s1').answer.empty(), 'unknown',"
    " iif(item.where(linkId='s1').answer.value.ordinal() > 1, 'high', 'low'))",
    "iif(item.where(linkId.startsWith('s')).answer.count() = 5,"
    " item.where(linkId.startsWith('s')).answer.value.ordinal().sum(), {})",
    "item.where(linkId='body').item.where(linkId='weight').answer.value > 80",
    # logic
    "item.where(linkId.startsWith('s')).answer.value.code.where($this = 'all').exists()",
    "item.where(linkId='yes').answer.value = true",
    "item.where(linkId='yes').answer.value.not()",
    "item.where(linkId='yes').answer.value = true and item.where(linkId='s1').answer.value.code = 'all'",
    "item.where(linkId='yes').answer.value = true or item.where(linkId='s2').answer.value.code = 'none'",
    "item.where(linkId='yes').answer.value implies item.where(linkId='yes').answer.item.exists()",
    "item.where(linkId='times').answer.value.all($this >= 0)",
    "item.where(linkId='ticks').answer.value.code contains 'four'",
    "item.where(linkId='ticks').answer.value.code.exists($this = 'one' or $this = 'two')",
    "item.where(linkId='s1').answer.value.code = item.where(linkId='s2').answer.value.code",
    # what is below answers, dates, words
    "item.where(linkId='yes').answer.item.where(linkId='since').answer.value + 1",
    "item.where(linkId='body').item.where(linkId='born').answer.value < @1980-01-01",
    "item.where(linkId='body').item.where(linkId='born').answer.value + 18 years",
    "item.where(linkId='note').answer.value.lower().contains('all')",
    "item.where(linkId='s1').answer.value.display & ' / ' & item.where(linkId='s2').answer.value.display",
    "item.where(linkId='visit').select(item.where(linkId='n').answer.value.first()).sum()",
)  # fmt: skip
