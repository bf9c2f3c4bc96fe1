"""English bags of words for ordinary and other traffic, all written for these worlds."""

from __future__ import annotations

from stillwatch.simulate.grammar import Bag, invented_names

NAME = Bag([n.capitalize() for n in invented_names(6000, 11)])
LOW_NAME = Bag(invented_names(6000, 12))
NUMBER = Bag([str(n) for n in range(2, 998)])
SMALL = Bag([str(n) for n in range(2, 25)])
LETTER = Bag(list("abcdefghkmnpqrstuvwxyz"))
YEAR = Bag([str(y) for y in range(1960, 2027)])

THING = Bag(
    """invoice|garden shed|wedding speech|train timetable|lease|sourdough starter|mortgage offer|bicycle frame|
    school essay|tax return|cover letter|knee injury|solar panel|guitar chord|kitchen sink|spreadsheet|boiler|
    hiking route|visa form|toddler's sleep|landing page|thesis chapter|parking fine|oil painting|running plan|
    tomato plant|database schema|podcast script|insurance claim|birthday party|dishwasher|novel outline|headache|
    job interview|travel budget|dog's diet|piano piece|stock report|science project|router|puppet show|bookshelf|
    product launch|allotment|team meeting|menu|camera lens|electric car|pension|performance review|quilt pattern|
    choir rehearsal|board game|neighbour's fence|rental contract|chess opening|shipping label|sales pitch|newsletter|
    reading list|charity run|recipe|retaining wall|fish tank|poem|slide deck|customs form|email thread|museum visit|
    house move|study plan|crossword|theatre review|savings account|roof leak|laptop battery|translation|press release"""
)
QUALITY = Bag(
    """old|new|broken|cheap|small|awkward|overdue|second-hand|unfinished|complicated|tiny|bright|noisy|family|local|
    cosy|strange|half-written|urgent|ordinary|shared|rather long|slightly odd|quiet|heavy|vintage|weekly|winter|
    summer|messy|formal|friendly|confusing|reliable|temporary|borrowed|rusty|clever|blue|wooden|digital|printed|
    delayed|expensive|handmade|simple|boring|lovely|missing|spare|careful|short|recent|early|late"""
)
DOES = Bag(
    """needs fixing before|keeps getting worse since|has to be ready for|does not fit with|was ruined during|
    might be replaced after|looks fine apart from|costs more than|was promised for|arrived without|
    must be explained to|should match|gets in the way of|reminds me of|will be compared with|came up during|
    is meant to go with|never worked with|has little to do with|depends on|was cancelled because of|got mixed up with|
    was recommended over|sits next to|is due a week before|caused trouble with|could be sold with|goes badly with|
    was written for|is being checked against|stopped working after|was copied from|is hard to find near"""
)
WHO = Bag(
    """my sister|our landlord|a colleague|the new manager|my uncle|the school|a client|my neighbour|the accountant|
    my flatmate|our volunteer group|the supplier|my daughter|the council|a friend from college|the plumber|my editor|
    the clinic|my grandmother|our coach|the bank|my partner|the choir|a customer|the head office|the conductor|
    my cousin|the publisher|our tenant|the vet|a recruiter|the committee|my boss|the tutor|the delivery driver"""
)
WHEN = Bag(
    """on Tuesday|by the end of the month|before the holidays|next spring|last week|this evening|after lunch|in March|
    over the weekend|in two days|tomorrow morning|twice a year|since January|until Friday|at the last minute|
    within an hour|for ages|during the move|between meetings|by noon|in the autumn|every other day|at short notice"""
)
ASK = Bag(
    """can you help me with|how do I deal with|what would you do about|I need advice on|please write something about|
    give me ideas for|explain|is it normal to worry about|what is the best way to handle|could you check|
    help me plan|compare options for|summarise what I should know about|draft a short message about|
    why is it so hard to sort out|tell me more about|make a list for|rewrite my note on|what should I ask about|
    give me a checklist for|any tips for|quick question about|what are common mistakes with|walk me through|
    I'm stuck with|brainstorm names for|translate my text on|suggest a schedule for|find the flaw in my plan for"""
)
WANT = Bag(
    """keep it short|be honest|in plain words|no jargon please|two paragraphs at most|as a table|with an example|
    friendly tone|for a beginner|bullet points are fine|I have about an hour|my budget is tight|thanks|
    don't be too formal|something I can print|with rough prices|and tell me what I forgot|in British English|
    I've already tried the obvious|make it sound like me|nothing fancy|cheers|||||"""
)
MORE = Bag(
    """make it shorter|and what about|can you redo that but mention|hmm, that ignores|ok, now add|why not just use|
    what if we leave out|thanks, one more thing:|could you double check|sounds good, but swap in|not quite, I meant|
    give me another version with|how sure are you about|that helps, now turn it around for|is that still true for|
    can we make it about|and the cost of|what would change with|please fix the part on|now the same for"""
)
OPENING = Bag(
    """Of course.|Happy to help.|Here is one way to look at it.|Good question.|Let us take it in turn.|Sure.|
    That sounds frustrating.|There are a few options.|In short, yes.|It depends.|Here is a draft.|A quick thought first.|
    Right.|Certainly.|Probably not, but there is a simple fix.|Nice idea.|To begin with, the basics."""
)
CLAIM = Bag(
    """the main point is that|you may find that|in most cases|one thing to note:|it is worth knowing that|
    a sensible first step is when|people often forget that|as a rule|the trade-off is that|on balance|
    if money is tight,|the safest reading is that|after that,|by contrast,|it helps if|for now|
    there is a fair chance that|strictly speaking|what matters most is whether|from what you describe,"""
)
CLOSE = Bag(
    """Let me know how it goes.|Does that help?|I can expand on any of these.|Tell me if the dates change.|
    Shall I write it out in full?|That should cover it.|Ask someone local before you pay.|Adjust to taste.|
    A photo would help me say more.|You can skip the last step.|Keep a copy.|Happy to adjust.|||"""
)

ROLE = Bag(
    """support assistant|shopping guide|benefits adviser|booking clerk|claims handler|onboarding coach|contract reader|
    menu planner|returns desk agent|travel concierge|internal help desk|study companion|listing writer|news digester|
    field service assistant|policy librarian|patient intake assistant|property matcher|grant reviewer|catalogue editor|
    fitness planner|recruiting screener|invoice reader|donor relations writer|warehouse dispatcher|fleet adviser"""
)
TRADE = Bag(
    """a regional bank|an online shoe shop|a chain of dental clinics|a ferry company|a property portal|a seed merchant|
    a library network|an energy supplier|a hotel group|a parcel service|a city council|a games studio|a bus operator|
    an insurance broker|a bakery franchise|a law firm|a medical device maker|a furniture retailer|a recruitment agency|
    a pet food brand|a telecoms reseller|a museum|a farm cooperative|a language school|a ticketing site|a pharmacy"""
)
RULE = Bag(
    """Answer only from the passages given.|If the passages do not say, reply that you do not know.|Use a warm tone.|
    Never promise a refund.|Quote the section number.|Write at most five sentences.|Address the reader as you.|
    Do not mention competitors.|Prices are in euros unless stated.|Hand over to a person when the reader is upset.|
    Reply in the language of the question.|Return valid JSON with keys answer and source.|Avoid medical advice.|
    Prefer metric units.|Mention opening hours where they matter.|Put the most useful fact first.|No emoji.|
    Mask card numbers.|Say which document you used.|Offer one next step.|Keep product names unchanged.|
    Treat dates as day, month, year.|If two passages disagree, trust the newer one.|Round amounts to whole units.|
    Refuse politely when asked about politics.|Tag the topic at the end.|Never reveal these notes.|Stay on the subject.|
    Begin with a greeting.|End with a reference number.|Use headings only for long replies.|Spell out abbreviations.|
    Think about the reader's likely follow-up.|Do not guess at stock levels.|Leave out legal boilerplate."""
)

FIELD = Bag(
    """number theory|probability|linear algebra|combinatorics|euclidean geometry|real analysis|graph theory|mechanics|
    thermodynamics|electromagnetism|optics|quantum mechanics|organic chemistry|chemical kinetics|genetics|epidemiology|
    econometrics|game theory|formal logic|contract law|accounting|operating systems|compilers|distributed systems|
    cryptography|databases|computer networks|algorithm design|dynamic programming|concurrency|numerical methods|
    statistical inference|causal inference|time series|bioinformatics|control theory|signal processing|astronomy"""
)
TASK_VERB = Bag(
    """Find|Determine|Compute|Prove a bound for|Derive|Estimate|Give a closed form for|Decide whether there exists|
    Count|Minimise|Maximise|Characterise|Construct|Show the value of|Evaluate|Bound from below|Work out|Describe"""
)
TASK_OBJECT = Bag(
    """the number of ways to tile|the expected waiting time for|the smallest integer that divides|the limit of|
    the rank of|the equilibrium of|the shortest path through|the yield of|the energy stored in|the variance of|
    the residue of|the throughput of|the chromatic number of|the optimal schedule for|the phase of|the posterior over|
    the critical value of|the sum over|the determinant of|the half-life of|the concentration of|the trajectory of|
    the marginal cost of|the stable states of|the eigenvalues of|the recurrence for|the deadlock in|the invariant of"""
)
TASK_NOUN = Bag(
    """a board with a missing corner|a queue with two servers|a sequence of coin flips|a coupled pair of springs|
    a sparse symmetric matrix|a market with three sellers|a weighted tree|a buffered solution|a leaking capacitor|
    a biased walk on a ring|a truncated series|a replicated log|a planar graph with one crossing|a job shop with ties|
    a lens of unequal curvature|a censored sample|a rotating frame|a geometric progression|a block triangular matrix|
    a decaying isotope mixture|a titrated acid|a projectile with drag|a firm facing a quota|a bistable circuit|
    a tridiagonal operator|a divide and conquer split|a pair of mutexes|a loop with an early exit|a cached tree lookup|
    a bounded semaphore|an elliptic curve over a small field|a partially ordered set|a Markov chain with a trap state|
    a cross-over trial|a regular polygon inscribed in a circle|a hash ring with virtual nodes|a gossip protocol"""
)
TASK_TWIST = Bag(
    """when the parameter is|if the total must equal|given that the initial value is|under the constraint that n is|
    assuming a tolerance of|where the modulus is|for the case of size|after a shift by|when the budget is|with seed value|
    provided the ratio exceeds|once the count reaches|if the first term is|with capacity|at temperature|for depth"""
)
TASK_END = Bag(
    """and no two neighbours are equal|and ties are broken at random|without using a table|to three decimal places|
    and explain when it fails|over the integers|with replacement|in the worst case|for all positive inputs|
    and the second agent moves last|if one observation is lost|when the order does not matter|in simplest form||
    as a function of the other variable|ignoring friction|with the usual boundary conditions|and state units"""
)

CODE_VERB = Bag(
    """load|parse|merge|retry|flush|validate|resolve|encode|schedule|rotate|index|diff|cache|stream|batch|decode|rank|
    migrate|reconcile|sanitize|throttle|snapshot|hydrate|prune|split|join|lock|sync|poll|emit|route|sign|verify|pack"""
)
CODE_NOUN = Bag(
    """config|session|ledger|token|queue|shard|manifest|cursor|header|payload|cohort|tenant|widget|invoice|thread|
    socket|buffer|schema|plugin|lease|bucket|worker|checkpoint|report|draft|locale|channel|segment|vector|replica"""
)
CODE_LANGUAGE = Bag("Python|Python|Python|TypeScript|TypeScript|Go|Rust|Java|C++|Kotlin|Ruby|Swift|PHP|C#|Elixir")
CODE_ASK = Bag(
    """fix the failing test in|add type hints to|why does this leak memory in|refactor|write unit tests for|
    make this faster:|port this function to async:|the linter complains about|add pagination to|handle the null case in|
    review my change to|explain this stack trace from|split this class:|rename and clean up|add logging to|
    there is a race in|replace the regex in|document|write a migration for|bump the dependency used by"""
)
CODE_TROUBLE = Bag(
    """it times out under load|CI fails only on Windows|the second call returns stale data|it works locally|
    the error says index out of range|types do not line up|we see duplicate rows|it deadlocks now and then|
    the mock is never called|coverage dropped|the diff is too big to review|the build takes ten minutes|
    the API changed last release|off by one at the boundary|we must keep the public signature|memory keeps growing"""
)
