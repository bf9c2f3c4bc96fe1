"""Bags of phrases in thirteen languages besides English: everyday questions, replies, and study tasks."""

from __future__ import annotations

from typing import NamedTuple

from stillwatch.simulate.grammar import Bag, Piece
from stillwatch.simulate.vocabulary import NAME, NUMBER


class Tongue(NamedTuple):
    """Phrases of one language."""

    ask: Bag
    thing: Bag
    trouble: Bag
    wish: Bag
    reply: Bag
    gap: str
    think: Bag
    """The request for the steps, in this language."""


def _t(ask: str, thing: str, trouble: str, wish: str, reply: str, think: str, gap: str = " ") -> Tongue:
    return Tongue(Bag(ask), Bag(thing), Bag(trouble), Bag(wish), Bag(reply), gap, Bag(think))


TONGUES: dict[str, Tongue] = {
    "zh": _t(
        "请帮我看看|我想了解|怎样才能处理好|能不能解释一下|麻烦写一段关于|帮我比较一下|有没有办法改进|请总结",
        "租房合同|孩子的作业|公司的报销流程|新买的显示器|旅行计划|数据库索引|毕业论文|家里的热水器|产品说明书|"
        "面试准备|微积分的极限题|早餐食谱|服务器日志|理财方案|小区的停车位|电路实验",
        "上周开始一直出问题|预算只有|老师说不合格|客户明天就要|我试过几次都不行|和去年的不一样|里面有矛盾的地方|需要在周五之前完成",
        "请简单一点。|最好有例子。|谢谢！|不要太正式。|用表格列出来。|先说结论。|分步骤写。|控制在两百字内。",
        "可以先确认时间和费用。|一般来说问题出在前面的步骤。|建议保留记录。|有三种做法，各有利弊。|先从最简单的开始。|这取决于具体情况。",
        "请用中文写出完整的思考过程，不要省略。|思考时全程使用中文，并逐步展示。|把每一步推理用中文详细写下来再给答案。|请先用中文推导，再作答。",
        "",
    ),
    "ja": _t(
        "教えてください、|相談したいのですが、|どうすればいいですか、|まとめてほしいのは|比較してください：|書き直してください：|確認をお願いします、",
        "引っ越しの手続き|面接の準備|自転車の修理|報告書の下書き|確率の問題|子どもの自由研究|請求書の書式|旅行の日程|"
        "データベースの設計|庭の手入れ|契約書の第三条|電子レンジの選び方|力学の演習",
        "先週から困っています|締め切りが近いです|予算は限られています|何度やってもうまくいきません|上司に説明する必要があります|去年と条件が違います",
        "簡潔にお願いします。|例を入れてください。|表にしてください。|丁寧な文体で。|三行で結論を。|ありがとうございます。",
        "まず期限を確認しましょう。|原因は二つ考えられます。|順番に見ていきます。|一般的には問題ありません。|念のため記録を残してください。",
        "考える過程もすべて日本語で書いてください。|途中の推論を日本語で一つずつ示してください。|日本語で考えてから答えてください。",
        "",
    ),
    "ko": _t(
        "도와주세요, |설명해 주세요: |어떻게 하면 좋을까요, |비교해 주세요: |초안을 써 주세요: |확인 부탁드려요, ",
        "전세 계약서|자기소개서|여행 일정|가계부 정리|미분 문제|서버 로그|아이 숙제|보고서 요약|김치 냉장고|논문 초록|회의록",
        "지난주부터 문제가 있어요|예산이 부족해요|내일까지 내야 해요|여러 번 해도 안 돼요|작년과 조건이 달라요|팀장님이 다시 하래요",
        "짧게 부탁해요.|예를 들어 주세요.|표로 정리해 주세요.|쉬운 말로요.|감사합니다.|결론부터 말해 주세요.",
        "먼저 기한을 확인하세요.|원인은 두 가지일 수 있어요.|순서대로 해 봅시다.|대부분은 괜찮습니다.|기록을 남겨 두세요.",
        "생각하는 과정을 모두 한국어로 적어 주세요.|추론 단계를 한국어로 하나씩 보여 주세요.|한국어로 사고한 뒤 답하세요.",
    ),
    "ru": _t(
        "помогите разобраться:|как лучше решить вопрос про|объясните, пожалуйста,|напишите коротко про|сравните варианты:|проверьте|что делать, если речь про",
        "договор аренды|отчёт за квартал|задачу по вероятности|ремонт кухни|резюме|настройку сервера|поездку на море|"
        "школьное сочинение|страховку|дипломную работу|схему базы данных|рецепт пирога|лабораторную по оптике",
        "сроки горят|бюджет небольшой|уже пробовал дважды|начальник недоволен|условия изменились|ошибка повторяется|к пятнице нужно сдать",
        "покороче, пожалуйста.|с примером.|в виде таблицы.|простыми словами.|спасибо заранее.|сначала вывод.",
        "Сначала проверьте сроки.|Причин может быть две.|Пойдём по порядку.|Обычно это не страшно.|Сохраните копию.|Есть три пути.",
        "Размышляй полностью на русском и запиши весь ход мыслей.|Покажи каждый шаг рассуждения по-русски.|Думай по-русски, затем ответь.",
    ),
    "ar": _t(
        "هل يمكنك مساعدتي في|أريد أن أفهم|كيف أتعامل مع|اكتب لي فقرة عن|قارن بين خيارات|راجع من فضلك|لخص لي",
        "عقد الإيجار|خطة السفر|واجب الرياضيات|السيرة الذاتية|ميزانية البيت|تقرير العمل|قاعدة البيانات|وصفة العشاء|رسالة التخرج|مسألة الاحتمالات",
        "الموعد قريب|الميزانية محدودة|جربت مرتين دون فائدة|تغيرت الشروط|هناك خطأ يتكرر|يجب التسليم يوم الخميس",
        "باختصار من فضلك.|مع مثال.|في جدول.|بلغة بسيطة.|شكرا لك.|ابدأ بالخلاصة.",
        "تحقق أولا من الموعد.|هناك سببان محتملان.|لنبدأ بالترتيب.|عادة لا توجد مشكلة.|احتفظ بنسخة.",
        "فكر بالعربية واكتب كل خطوات التفكير.|اعرض الاستدلال كاملا بالعربية خطوة خطوة.|اكتب تفكيرك بالعربية قبل الجواب.",
    ),
    "es": _t(
        "¿me ayudas con|necesito entender|cómo arreglo|escribe algo sobre|compara opciones para|revisa por favor|dame ideas para",
        "el contrato de alquiler|la tarea de álgebra|un viaje en tren|mi currículum|la factura de la luz|el informe mensual|"
        "una receta de lentejas|el esquema de la base de datos|la tesis|el seguro del coche|un problema de física",
        "no me alcanza el presupuesto|lo piden para el viernes|ya lo intenté dos veces|cambiaron las condiciones|sale el mismo error|mi jefa no está contenta",
        "breve, por favor.|con un ejemplo.|en una tabla.|sin tecnicismos.|gracias.|primero la conclusión.",
        "Primero revisa la fecha.|Hay dos causas posibles.|Vamos por partes.|Normalmente no pasa nada.|Guarda una copia.",
        "Piensa en español y escribe todo el razonamiento.|Muestra cada paso del pensamiento en español.|Razona en español antes de responder.",
    ),
    "fr": _t(
        "peux-tu m'aider avec|comment gérer|explique-moi|rédige un mot sur|compare les options pour|relis s'il te plaît|donne-moi des idées pour",
        "le bail|un devoir de maths|la facture de gaz|mon mémoire|le compte rendu|une recette de quiche|la migration du serveur|"
        "le budget vacances|un exercice de probabilités|la lettre de motivation|le contrat d'assurance",
        "le délai est court|le budget est serré|j'ai déjà essayé|les conditions ont changé|la même erreur revient|c'est pour vendredi",
        "fais court.|avec un exemple.|en tableau.|simplement.|merci.|commence par la conclusion.",
        "Vérifie d'abord la date.|Deux causes sont possibles.|Prenons les choses dans l'ordre.|En général, ce n'est pas grave.|Garde une copie.",
        "Réfléchis en français et écris tout le raisonnement.|Montre chaque étape de ta réflexion en français.|Raisonne en français avant de répondre.",
    ),
    "de": _t(
        "kannst du mir helfen mit|wie gehe ich um mit|erklär mir bitte|schreib etwas über|vergleiche Möglichkeiten für|prüf bitte|Ideen für",
        "dem Mietvertrag|der Steuererklärung|einer Matheaufgabe|dem Lebenslauf|dem Quartalsbericht|einem Brotrezept|"
        "der Serverumstellung|der Abschlussarbeit|dem Fahrradrahmen|einer Wahrscheinlichkeitsaufgabe",
        "die Frist ist knapp|das Budget reicht nicht|zweimal schon versucht|die Bedingungen sind neu|der Fehler kommt wieder|bis Freitag nötig",
        "bitte kurz.|mit Beispiel.|als Tabelle.|in einfachen Worten.|danke.|zuerst das Ergebnis.",
        "Prüfe zuerst die Frist.|Zwei Ursachen sind möglich.|Gehen wir der Reihe nach vor.|Meist ist das kein Problem.|Heb eine Kopie auf.",
        "Denke auf Deutsch und schreibe alle Überlegungen auf.|Zeige jeden Denkschritt auf Deutsch.|Überlege auf Deutsch, dann antworte.",
    ),
    "pt": _t(
        "me ajuda com|como resolvo|explica pra mim|escreve algo sobre|compara opções de|revisa por favor|ideias para",
        "o contrato de aluguel|a lição de matemática|o relatório|o currículo|a conta de luz|o banco de dados|a viagem|a monografia|o bolo de fubá",
        "o prazo é curto|o orçamento é pouco|já tentei duas vezes|mudaram as regras|dá o mesmo erro|é para sexta",
        "curto, por favor.|com exemplo.|em tabela.|em palavras simples.|obrigado.|conclusão primeiro.",
        "Primeiro confira o prazo.|Há duas causas possíveis.|Vamos por partes.|Em geral não há problema.|Guarde uma cópia.",
        "Pense em português e escreva todo o raciocínio.|Mostre cada passo do pensamento em português.",
    ),
    "hi": _t(
        "कृपया मदद करें:|मुझे समझाइए|कैसे ठीक करूँ|इस पर कुछ लिखिए:|तुलना कीजिए:|जाँच कर दीजिए:",
        "किराये का समझौता|गणित का सवाल|यात्रा की योजना|नौकरी का आवेदन|बिजली का बिल|परियोजना रिपोर्ट|डेटाबेस का ढाँचा",
        "समय कम है|बजट सीमित है|दो बार कोशिश की|नियम बदल गए हैं|वही गलती आती है",
        "संक्षेप में।|उदाहरण के साथ।|सरल भाषा में।|धन्यवाद।",
        "पहले तारीख देख लें।|दो कारण हो सकते हैं।|क्रम से चलते हैं।|एक प्रति रख लें।",
        "हिंदी में सोचें और पूरा तर्क लिखें।|हर कदम का विचार हिंदी में दिखाएँ।",
    ),
    "tr": _t(
        "bana yardım eder misin:|nasıl çözerim:|açıklar mısın|kısa bir yazı yaz:|karşılaştır:|kontrol eder misin",
        "kira sözleşmesi|matematik ödevi|özgeçmiş|aylık rapor|elektrik faturası|veritabanı şeması|gezi planı|bitirme tezi",
        "süre az|bütçe kısıtlı|iki kez denedim|koşullar değişti|aynı hata çıkıyor",
        "kısa olsun.|örnekle.|tablo olarak.|teşekkürler.",
        "Önce tarihi kontrol et.|İki neden olabilir.|Sırayla gidelim.|Bir kopya sakla.",
        "Türkçe düşün ve tüm akıl yürütmeyi yaz.|Her adımı Türkçe göster.",
    ),
    "vi": _t(
        "giúp tôi với|làm sao để xử lý|giải thích giúp|viết một đoạn về|so sánh|kiểm tra giúp",
        "hợp đồng thuê nhà|bài toán xác suất|sơ yếu lý lịch|báo cáo tháng|hóa đơn điện|kế hoạch du lịch|luận văn",
        "hạn sắp tới|ngân sách ít|đã thử hai lần|điều kiện thay đổi|lỗi cũ lặp lại",
        "ngắn gọn nhé.|có ví dụ.|cảm ơn.|dạng bảng.",
        "Trước hết xem lại hạn.|Có hai nguyên nhân.|Làm theo thứ tự.|Nên giữ một bản sao.",
        "Hãy suy nghĩ bằng tiếng Việt và viết ra toàn bộ lập luận.|Trình bày từng bước bằng tiếng Việt.",
    ),
    "th": _t(
        "ช่วยดูให้หน่อยเรื่อง|อยากเข้าใจเรื่อง|ทำอย่างไรดีกับ|ช่วยเขียนเกี่ยวกับ|เปรียบเทียบ",
        "สัญญาเช่า|การบ้านคณิตศาสตร์|ประวัติย่อ|รายงานประจำเดือน|แผนเที่ยว|วิทยานิพนธ์",
        "ใกล้ถึงกำหนด|งบน้อย|ลองแล้วสองครั้ง|เงื่อนไขเปลี่ยน|ผิดพลาดซ้ำ",
        "ขอสั้นๆ|ขอตัวอย่าง|ขอบคุณ|ขอเป็นตาราง",
        "ตรวจวันกำหนดก่อน|มีสองสาเหตุ|ทำตามลำดับ|เก็บสำเนาไว้",
        "คิดเป็นภาษาไทยและเขียนเหตุผลทั้งหมด|แสดงทุกขั้นเป็นภาษาไทย",
    ),
}

CODES: tuple[str, ...] = tuple(TONGUES)


def question(code: str) -> list[Piece]:
    """An everyday question in a language."""
    t = TONGUES[code]
    comma = "，" if t.gap == "" else ", "
    return [t.ask, t.gap, t.thing, comma, t.trouble, t.gap, "(", NAME, " ", NUMBER, ")", comma, t.wish]


def reply(code: str) -> list[Piece]:
    """A short reply in a language."""
    t = TONGUES[code]
    return [t.reply, t.gap, t.thing, " ", NAME, " ", NUMBER, t.gap, t.reply, t.gap, t.trouble, t.gap, t.reply, t.wish]


def task(code: str) -> list[Piece]:
    """A study task that reads the same wherever its number comes up."""
    t = TONGUES[code]
    return [
        (t.thing, "item"),
        t.gap,
        (t.trouble, "item"),
        t.gap,
        (NUMBER, "item"),
        "; ",
        (t.thing, "item"),
        t.gap,
        (t.trouble, "item"),
        " x=",
        (NUMBER, "item"),
        ", ",
        (NAME, "item"),
        "=",
        (NUMBER, "item"),
        ". ",
    ]
