"""Words by which a header says chest, spine, another part of the body, lateral or frontal, by language.

`THORAX` stands for the whole word, `THORA*` for its beginning, `*SPINE` for its end, `*WIRBEL*` for any place in it;
several words for those words one after the other. Capitals; accents count for nothing; of Ä, Ö, Ü, Å and Ø the
spelling with two letters is meant, too. Scripts that set no spaces are looked for anywhere.

Left out are words that mean something harmless in another of the languages: `PIE` (a foot; `de pie` is standing),
`EL` (a hand; an article), `BAUCH*` (`Bauchlage` is prone), `AYAK*` (`ayakta` is standing).
"""

CHEST = {
    "English": "CHEST*, *CHEST, THORA*, LUNG, LUNGS, PULMON*, CXR*, PCXR, CHST, MEDIASTIN*",
    "German": ("*THORAX*, BRUSTKORB, BRUST, BRUSTRAUM, LUNGE, LUNGEN, LUNGENFLÜGEL, LUNGENAUFNAHME, LUNGENÜBERSICHT"),
    "French": "POUMON*, PULMONAIRE*, THORAC*, POITRINE",
    "Spanish, Catalan": "TORAX*, TORAC*, PULMON*, PULMO, TELE DE TORAX, TELERRADIOGRAFIA DE TORAX",
    "Portuguese": "TORAX*, TORAC*, PULMAO, PULMOES",
    "Italian": "TORACE*, TORACIC*, POLMON*, POLMONARE",
    "Dutch": "*THORAX*, BORSTKAS*, LONGEN, LONGFOTO*, X-THORAX",
    "Polish": "KLATK* PIERS*, KLATKA, KLATKI, KLP, KL P, PLUCA, PLUC, PIERSIOW*",
    "Czech, Slovak": "HRUDNIK*, HRUD, PLICE, PLIC, PLUCA, SRDCE A PLICE",
    "Turkish": "GÖĞÜS, GOGUS, GÖĞSÜ*, AKCİĞER*, AKCIGER*, TORAKS, PA AC",
    "Swedish, Danish, Norwegian": (
        "THORAX*, TORAKS, TORAX, LUNGOR, LUNGORNA, LUNGER, LUNGENE, BRÖSTKORG*, BRYSTKASSE*, HJERTE OG LUNGER, "
        "HJÄRTA OCH LUNGOR"
    ),
    "Finnish, Estonian": "THORAX*, KEUHKO*, KEUHKOT, RINTAKEH*, RINTA, RINDKERE*, KOPSU*, TOORAKS",
    "Hungarian": "MELLKAS*, TÜDO*, TÜDŐ*",
    "Romanian": "TORACE*, TORACIC*, PLAMAN*, PULMONAR*, CORD PULMON, PIEPT",
    "Croatian, Serbian, Slovene": (
        "PRSNI KOS, PRSNOG KOSA, PRSA, GRUDNI KOS, GRUDNOG KOSA, PLUCA, SRCE I PLUCA, PLJUCA, PRSNEGA KOSA, "
        "ПЛУЋА*, ГРУДНИ КОШ"
    ),
    "Lithuanian, Latvian": "KRUTINES LASTA, KRUTINES, PLAUCIAI, PLAUCIU, KRUSKURV*, PLAUSAS, PLAUSU",
    "Russian, Ukrainian, Bulgarian": (
        "ГРУД*, ОГК, ЛЕГКИЕ, ЛЕГКИХ, ЛЕГЕНІ, ЛЕГЕНЬ, ФЛГ, ФЛЮОРОГР*, ГРЪДЕН КОШ, ГРЪДНА КЛЕТКА, ГРЪДЕН, "
        "БЯЛ ДРОБ, БЕЛИ ДРОБОВЕ, GRUDN*, OGK"
    ),
    "Greek": "ΘΩΡΑΚ*, ΘΩΡΑΞ, ΠΝΕΥΜΟΝ*, THORAKAS",
    "Chinese": "胸, 肺",
    "Japanese": "胸, 肺, キョウブ, キヨウブ, ムネ",
    "Korean": "흉부, 가슴, 폐",
    "Vietnamese": "NGUC, LONG NGUC, PHOI, TIM PHOI",
    "Indonesian, Malay": "TORAKS, THORAKS, DADA, PARU",
    "Arabic, Persian": "صدر, الصدر, رئة, الرئة, الرئتين, قفسه سینه, ریه",
    "Hebrew": "חזה, ריאות",
    "Thai": "ทรวงอก, ปอด",
    "Hindi": "छाती, सीना",
}

SPINE = {
    "English": (
        "*SPINE, SPINAL, VERTEBRA*, BACKBONE, WHOLESPINE, SCOLIOSIS, SACRUM, SACRAL, COCCYX, SACROILIAC, "
        "SIJOINT*, LUMBAR, CERVICAL, LUMBOSACRAL, THORACOLUMBAR"
    ),
    "German": "*WIRBEL*, BWS, HWS, LWS, BWK, LWK, HWK, STEISSBEIN, KREUZBEIN, ISG, GANZWIRBELSÄULE",
    "French": "RACHIS, COLONNE, LOMBAIRE*, CERVICAL*, DORSOLOMBAIRE, SCOLIOSE",
    "Spanish, Portuguese": (
        "COLUMNA*, COLUNA*, RAQUIS, LUMBAR, LUMBO*, LOMBAR, LOMBO*, CERVICAL*, DORSOLUMBAR*, ESCOLIOSIS, "
        "ESCOLIOSE, SACRO, SACROCOCCI*, TORACOLOMBAR"
    ),
    "Italian": "COLONNA, RACHIDE, LOMBARE, LOMBOSACRALE, CERVICALE, SCOLIOSI",
    "Dutch": "*WERVEL*, BWK, LWK, CWK, TWK, RUGGENGRAAT",
    "Polish": "KREGOSLUP*, KREGOSL*, LEDZWIOW*, SZYJN*",
    "Czech, Slovak": "PATER, PATERE, CHRBTIC*, OBRATL*",
    "Turkish": "OMURGA*, VERTEBRA*, LOMBER, SERVIKAL, TORAKAL VERTEBRA",
    "Swedish, Danish, Norwegian": (
        "RYGGRAD, KORSRYGG, LENDRYGG, LÄNDRYGG*, BRÖSTRYGG*, HALSRYGG*, NAKKERYGG*, *KOTPELARE, *RYGSØJLE*, "
        "*HVIRVEL*, *VIRVEL*, *COLUMNA, COL"
    ),
    "Finnish, Estonian": "*RANKA, SELKARANKA, LANNERANKA, RINTARANKA, KAULARANKA, *SELKA, LULISAMMAS",
    "Hungarian": "*GERINC*, CSIGOLYA*",
    "Romanian": "COLOANA*, VERTEBRAL*, LOMBAR*",
    "Croatian, Serbian, Slovene": "KRALJEZNIC*, KICMA*, KICMEN*, HRBTENIC*",
    "Russian, Ukrainian, Bulgarian": (
        "ПОЗВОНОЧ*, ПОЗВОНК*, ХРЕБЕТ, ХРЕБТА, ХРЕБТ*, ШОП, ГОП, ПОП, ГРЪБНАЧ*, ГРЪБНАК*, ПРЕШЛЕН*"
    ),
    "Greek": "ΣΠΟΝΔΥΛ*, ΟΣΦΥ*, ΑΥΧΕΝ*, ΘΜΣΣ, ΟΜΣΣ, ΑΜΣΣ",
    "Chinese": "胸椎, 腰椎, 颈椎, 頸椎, 脊柱, 脊椎, 骶骨, 骶椎, 尾骨, 胸腰",
    "Japanese": "頚椎, 頸椎, 脊柱, 仙骨, 全脊椎",
    "Korean": "척추, 흉추, 요추, 경추, 천추, 미추, 천골",
    "Vietnamese": "COT SONG",
    "Indonesian, Malay": "TULANG BELAKANG, VERTEBRA*, LUMBAL, LUMBOSAKRAL, TORAKOLUMBAL",
    "Arabic, Hebrew": "العمود الفقري, فقرات, עמוד שדרה",
}

ELSEWHERE = {
    "English": (
        "TEETH, TOOTH, DENTAL, PANORAM*, SKULL, HAND, HANDS, WRIST, WRISTS, FINGER*, THUMB*, FOREARM*, ELBOW*, "
        "HUMERUS, UPPERARM, UPPER ARM, SHOULDER*, CLAVICLE*, SCAPULA*, HIP, HIPS, PELVIS*, PELVIC, *PELVIS, "
        "FEMUR*, THIGH*, UPPERLEG, UPPER LEG, KNEE, KNEES, PATELLA*, TIBIA*, TIBFIB, TIB FIB, FIBULA*, LEG, "
        "LEGS, LOWERLEG, CALF, ANKLE*, FOOT, FEET, HEEL*, CALCAN*, TOE, TOES, EXTREMIT*, LIMB, LIMBS, *LIMB, "
        "ABDOM*, *ABDOMEN, CHESTABD*, KUB, SINUS*, PNS, BREAST*, MAMMO*, ORBIT, ORBITS, MANDIBLE*, MAXILLA*, "
        "ZYGOMA*, NASAL BONE*, NOSE, FACIAL*, TMJ, JAW, MASTOID*, BONE AGE, BONEAGE, CARPAL*, METACARP*, "
        "TARSAL*, METATARS*, RADIUS, ULNA, RIB, RIBS, STERNUM, SKELETON, SKELETAL, BABYGRAM, WHOLE BODY, "
        "WHOLEBODY, NECK, NECKCHEST*, CEREBR*, BRAIN, CRANIUM, URINARY, BLADDER, UROGRAM*, UROGRAPH*, COLON, "
        "STOMACH, BARIUM, ESOPHAG*, ARTHROGR*, PHANTOM, ACJOINT, AC JOINT*, SCJOINT"
    ),
    "German": (
        "HAND, HÄNDE, MITTELHAND*, HANDWURZEL*, KINDERHAND, *HANDGELENK*, *FINGER, DAUMEN, *UNTERARM*, "
        "*OBERARM*, ELLENBOGEN*, ELLBOGEN*, SCHULTER*, SCHLÜSSELBEIN*, *SCHULTERBLATT, HÜFT*, BECKEN*, *BECKEN, "
        "OBERSCHENKEL*, UNTERSCHENKEL*, KNIE*, KNIESCHEIBE, *SPRUNGGELENK*, OSG, FUSS*, *FUSS, *FÜSSE, FERSE*, "
        "FERSENBEIN, ZEHEN, ZEHE, *ZEHE, *ZEHEN, SCHÄDEL*, NASENBEIN, NASE, NNH, KIEFER*, *KIEFER*, ZAHN*, "
        "ZÄHNE, OPG, BAUCH, BAUCHRAUM, BAUCHÜBERSICHT*, OBERBAUCH*, UNTERBAUCH*, ABDOMEN*, RIPPE*, STERNUM, "
        "BRUSTBEIN*, MAMMA*, BEIN, BEINE, GANZBEIN*, EXTREMITÄT*, KNOCHENALTER, SKELETT*"
    ),
    "French": (
        "MAIN DROITE, MAIN GAUCHE, MAINS, POIGNET*, DOIGT*, POUCE*, AVANT BRAS, COUDE*, EPAULE*, CLAVICULE*, "
        "OMOPLATE*, HANCHE*, BASSIN*, FEMUR*, CUISSE*, GENOU*, ROTULE*, JAMBE*, CHEVILLE*, PIED DROIT, "
        "PIED GAUCHE, PIEDS, ORTEIL*, TALON*, CRANE*, MACHOIRE*, DENT, DENTS, DENTAIRE*, ABDOMEN*, ASP, GRIL, "
        "STERNUM, SEINS, MEMBRE*, AGE OSSEUX, BRAS"
    ),
    "Spanish, Catalan": (
        "MANO, MANOS, MUÑECA*, DEDO*, PULGAR*, ANTEBRAZO*, CODO*, BRAZO*, HOMBRO*, CLAVICULA*, ESCAPULA*, "
        "CADERA*, PELVIS, FEMUR*, MUSLO*, RODILLA*, ROTULA*, PIERNA*, TIBIA*, PERONE*, TOBILLO*, PIE DERECHO, "
        "PIE IZQUIERDO, PIES, TALON*, CALCANEO*, CRANEO*, MANDIBULA*, DIENTE*, DENTAL*, ABDOM*, COSTILLA*, "
        "PARRILLA COSTAL, ESTERNON*, MAMA, MAMAS, SENOS PARANASALES, CAVUM, EDAD OSEA, EXTREMIDAD*, MIEMBRO*, "
        "CUELLO, GENOLL, TURMELL"
    ),
    "Portuguese": (
        "MAO, MAOS, PUNHO*, PULSO, POLEGAR*, ANTEBRACO*, COTOVELO*, BRACO*, OMBRO*, QUADRIL, BACIA*, COXA*, "
        "JOELHO*, PATELA*, PERNA*, TORNOZELO*, PE DIREITO, PE ESQUERDO, PES, CALCANHAR*, CRANIO*, DENTE*, "
        "COSTELA*, ARCOS COSTAIS, ESTERNO*, MEMBRO*, IDADE OSSEA, SEIOS DA FACE, PESCOCO, ABDOME*"
    ),
    "Italian": (
        "MANO, MANI, POLSO*, DITO, DITA, POLLICE, AVAMBRACCIO, GOMITO*, BRACCIO, OMERO, SPALLA*, CLAVICOLA*, "
        "SCAPOLA*, ANCA, BACINO*, FEMORE*, COSCIA*, GINOCCHI*, ROTULA*, GAMBA, GAMBE, TIBIA*, PERONE*, "
        "CAVIGLIA*, PIEDE*, PIEDI, TALLONE*, CALCAGNO*, CRANIO*, TESTA, MANDIBOLA*, DENTI, ADDOM*, COSTE, "
        "COSTOL*, EMICOSTATO, STERNO*, MAMMELLA*, ARTO INFERIORE, ARTO SUPERIORE, ARTI INFERIORI, "
        "ARTI SUPERIORI, ETA OSSEA"
    ),
    "Dutch": (
        "HAND, HANDEN, POLS, VINGER*, DUIM*, ONDERARM*, BOVENARM*, ELLEBOOG*, SCHOUDER*, SLEUTELBEEN*, HEUP*, "
        "BEKKEN*, BOVENBEEN*, ONDERBEEN*, KNIE*, ENKEL, ENKELS, VOET*, HIEL*, GROTE TEEN, TENEN, SCHEDEL*, "
        "KAAK*, TANDEN, *BUIK, BUIKOVERZICHT*, BOZ, RIBBEN, BORSTBEEN*, SKELETLEEFTIJD, NEUSBIJHOLTEN"
    ),
    "Polish": (
        "REKA, REKI, DLON*, NADGARST*, PALEC, PALCE, PALCA, KCIUK*, PRZEDRAMI*, LOKIEC, LOKC*, RAMIE, BARK, "
        "BARKU, BARKOW*, OBOJCZYK*, LOPATK*, BIODR*, MIEDNIC*, UDO, KOLAN*, RZEPK*, PODUDZI*, KOSTK*, STAW, "
        "STAWU, STAWOW, STOPA, STOPY, PIETA, PIETOW*, CZASZK*, GLOWA, GLOWY, ZUCHW*, ZEB, ZEBY, BRZUCH*, "
        "JAMY BRZUSZNEJ, ZEBRA, ZEBER, MOSTEK, KONCZYN*, ZATOK*, WIEK KOSTNY, SZYJA"
    ),
    "Czech, Slovak": (
        "RUKA, RUKY, ZAPESTI, ZAPASTIE, PRST, PRSTY, PALEC, PREDLOKTI*, PREDLAKTIE, LOKET*, LAKET, RAMENO, "
        "RAMENE*, KLICEK, KLICNI KOST, KYCEL*, BEDRO, PANEV, PANVA, STEHN*, KOLENO, KOLENA, BEREC, PREDKOLENIE, "
        "BERCE, HLEZNO, KOTNIK, CLENOK, NOHA, NOHY, PATA, PATNI KOST, LEBKA, LEBKY, HLAVA, BRICHO, BRUCHO, "
        "ZEBRA, REBRA, HRUDNI KOST, KONCETIN*, VEDLEJSI DUTINY, KRK, ZUBY"
    ),
    "Turkish": (
        "EL BILEK*, PARMAK*, ÖN KOL, ÖNKOL, DIRSEK*, OMUZ*, KLAVIKULA*, SKAPULA*, KALCA*, PELVIS*, FEMUR*, "
        "UYLUK, DIZ, DIZLER, PATELLA*, BACAK*, TIBIA*, AYAK, AYAK BILEK*, AYAKLAR, TOPUK*, KAFA*, KRANIUM*, "
        "ÇENE, BATIN, ADBG, KABURGA*, KOSTALAR, STERNUM*, MEME, EKSTREMITE*, KEMIK YAŞI, SINÜS*, BOYUN"
    ),
    "Swedish, Danish, Norwegian": (
        "HAND, HÄNDER, HÅND, HÆNDER, HENDER, HANDLED, HANDLEDER, HÅNDLED, HÅNDLEDD*, FINGER*, FINGR*, TUMME, "
        "TOMMEL*, UNDERARM*, ÖVERARM*, OVERARM*, ARMBÅGE*, ALBUE*, AXELLED*, AXLAR, SKULDER*, NYCKELBEN*, "
        "NØGLEBEN*, KRAGEBEN*, HÖFT*, HOFTE*, BÄCKEN*, BÆKKEN*, BEKKEN*, LÅRBEN*, KNÄ, KNÄLED*, KNÄN, KNÆ, "
        "KNÆLED*, KNE, UNDERBEN*, LEGG, VRIST*, FOTLED*, FODLED*, ANKEL*, FOT, FÖTTER, FOD, FØDDER, HÄLBEN*, "
        "TÅR, TÆER, SKALLE*, KRANIE*, HUVUD, HOVED, KÄKE*, KÆBE*, KJEVE*, TAND, TÄNDER, TENNER, BUK, "
        "BUKÖVERSIKT*, MAVE, REVBEN*, RIBBEN*, BRÖSTBEN*, BRYSTBEN*, BIHÅLOR*, BIHULE*, SKELETTÅLDER, "
        "KNOGLEALDER, ABDOMEN*"
    ),
    "Finnish, Estonian": (
        "KÄSI, KÄDEN, KÄDET, RANNE, RANTEEN, SORMI*, SORMET, PEUKALO*, KYYNÄR*, OLKA*, OLKAPÄÄ, OLKAVARSI, "
        "SOLISLUU*, LONK*, LANTIO*, REISI, REIDEN, POLV*, SÄÄRI, SÄÄREN, NILKK*, NILKA*, JALK*, JALAN, KANTAPÄÄ, "
        "VARVAS, VARPAAT, KALLO*, LEUKA*, HAMPAAT, VATSA, VATSAN, KYLKILUU*, RINTALASTA*, LUUSTOIKÄ, "
        "POSKIONTELO*, NENÄN SIVUONTELO*, KASI, PÕLV, JALG, KÕHT, VAAGEN, ÕLG"
    ),
    "Hungarian": (
        "KÉZFEJ, CSUKLÓ*, UJJ, UJJAK, ALKAR, KÖNYÖK*, FELKAR, VÁLLÍZÜLET*, KULCSCSONT*, CSÍPŐ*, MEDENCE*, "
        "COMBCSONT*, TÉRD*, LÁBSZÁR*, BOKA, BOKÁK, LÁBFEJ*, SAROKCSONT*, KOPONYA*, ÁLLKAPOCS*, FOGAK, HASI, "
        "BORDA*, BORDÁK, SZEGYCSONT*, VÉGTAG*, NYAK"
    ),
    "Romanian": (
        "DEGET*, ANTEBRAT*, CLAVICULA*, BAZIN*, COAPSA*, GENUNCHI*, GLEZNA*, PICIOR*, CRANIU*, ABDOMEN*, COASTE, "
        "MEMBRU*"
    ),
    "Croatian, Serbian, Slovene": (
        "SAKA, SAKE, ZAPESCE, PRSTI, PODLAKTICA*, LAKAT, LAKTA, RAME, RAMENA, KLJUCNA KOST, KUKOVI, ZDJELICA*, "
        "KARLICA*, KOLJENO, KOLENO, POTKOLJENICA*, GLEZANJ, SKOCNI ZGLOB, STOPALO, LUBANJA*, GLAVA, TRBUH, "
        "ABDOMEN*, REBRA, MEDENICA*, GLEZENJ, ROKA, DLAN"
    ),
    "Russian, Ukrainian, Bulgarian": (
        "КИСТ*, ЗАПЯСТ*, ЗАП'ЯСТ*, ПАЛЕЦ, ПАЛЬЦ*, ПРЕДПЛЕЧ*, ПЕРЕДПЛІЧ*, ЛОКТ*, ЛІКТ*, ПЛЕЧ*, КЛЮЧИЦ*, ЛОПАТК*, "
        "ТАЗ, ТАЗА, ТАЗОБЕДР*, КУЛЬШ*, БЕДР*, СТЕГН*, КОЛЕН*, КОЛІН*, ГОЛЕН*, ГОЛЕНОСТОП*, ГОМІЛК*, СТОП*, "
        "ПЯТК*, ПЯТОЧ*, ЧЕРЕП*, ГОЛОВ*, ЧЕЛЮСТ*, ЗУБ*, НОС, НОСА, ППН, ЖИВОТ*, БРЮШН*, ЧЕРЕВ*, ОБП, РЕБР*, "
        "РЕБЕР, ГРУДИН*, КОНЕЧНОСТ*, КІНЦІВК*, ПРИДАТОЧ*, РЪКА, КИТКА, ЛАКЪТ, РАМО, КОЛЯНО, ГЛЕЗЕН, СТЪПАЛО, "
        "ХОДИЛО, КОРЕМ, ШЕЯ, МОЛОЧН*"
    ),
    "Greek": (
        "ΧΕΡΙ*, ΧΕΙΡ*, ΑΚΡΑ ΧΕΙΡ, ΚΑΡΠΟΣ, ΚΑΡΠΟΥ, ΔΑΚΤΥΛ*, ΠΗΧ*, ΑΓΚΩΝ*, ΩΜΟΣ, ΩΜΟΥ, ΩΜΟΙ, ΒΡΑΧΙΟΝ*, ΚΛΕΙΔ*, "
        "ΙΣΧΙ*, ΛΕΚΑΝ*, ΠΥΕΛΟ*, ΜΗΡΟΣ, ΜΗΡΙΑΙ*, ΓΟΝΑΤ*, ΓΟΝΥ, ΚΝΗΜ*, ΠΟΔΟΚΝΗΜ*, ΠΟΔΙ*, ΠΟΔΟΣ, ΠΤΕΡΝ*, ΚΡΑΝΙ*, "
        "ΚΕΦΑΛ*, ΓΝΑΘ*, ΔΟΝΤΙ*, ΚΟΙΛΙ*, ΝΟΚ, ΠΛΕΥΡΕΣ, ΠΛΕΥΡΩΝ, ΣΤΕΡΝΟ*"
    ),
    "Chinese": (
        "腹, 骨盆, 盆腔, 左手, 右手, 双手, 雙手, 手部, 手腕, 手指, 腕关节, 腕關節, 前臂, 肘, 上臂, 肱骨, 肩, "
        "锁骨, 鎖骨, 髋, 髖, 股骨, 大腿, 膝, 小腿, 胫, 脛, 踝, 足, 跟骨, 趾, 头颅, 頭顱, 颅骨, 头部, 頭部, 鼻, "
        "下颌, 下頜, 牙, 肋骨, 胸骨, 乳腺, 四肢, 上肢, 下肢, 骨龄, 骨齡, 颈部, 頸部"
    ),
    "Japanese": (
        "骨盤, 手関節, 前腕, 上腕, 股関節, 大腿, 下腿, 足関節, 足部, 頭蓋, 顎, 歯, 副鼻腔, 乳房, フクブ, ヒザ, コツバン"
    ),
    "Korean": (
        "복부, 손목, 손가락, 수부, 전완, 팔꿈치, 주관절, 상완, 어깨, 견관절, 쇄골, 고관절, 골반, 대퇴, 무릎, "
        "슬관절, 하퇴, 발목, 족관절, 족부, 발가락, 두개골, 두부, 부비동, 하악, 치아, 늑골, 흉골, 유방, 상지, "
        "하지, 골연령, 경부"
    ),
    "Vietnamese": (
        "BAN TAY, CO TAY, CANG TAY, KHUYU TAY, KHOP VAI, XUONG DON, KHOP HANG, KHUNG CHAU, XUONG DUI, KHOP GOI, "
        "CANG CHAN, CO CHAN, BAN CHAN, GOT CHAN, SO NAO, XUONG SO, O BUNG, BUNG, XUONG SUON, XUONG UC"
    ),
    "Indonesian, Malay": (
        "TANGAN, PERGELANGAN*, JARI, LENGAN, SIKU, BAHU, PANGGUL, PAHA, LUTUT, KAKI, TUMIT, KEPALA, TENGKORAK, "
        "PERUT, TULANG RUSUK, GIGI"
    ),
    "Arabic, Persian": (
        "يد, اليد, معصم, مرفق, كتف, حوض, الحوض, فخذ, ركبة, الركبة, كاحل, قدم, القدم, جمجمة, بطن, البطن, دست, "
        "زانو, لگن, شکم"
    ),
    "Hebrew": "כף יד, יד, מרפק, כתף, אגן, ברך, קרסול, כף רגל, גולגולת, בטן",
    "Thai": "มือ, ข้อมือ, ข้อศอก, ไหล่, สะโพก, เข่า, ข้อเท้า, เท้า, กะโหลก, ช่องท้อง",
}

LATERAL = {
    "English": (
        "LAT, LATERAL, LATERALS, LL, LLAT, RLAT, LTLAT, RTLAT, LLATERAL, RLATERAL, XTABLE, X TABLE, CROSS TABLE"
    ),
    "German": "SEITLICH*, SEITL, SEITENAUFNAHME*, SEITBILD*, LINKSANLIEGEND, RECHTSANLIEGEND",
    "French": "PROFIL, PROFILS",
    "Spanish, Portuguese, Catalan": "PERFIL, LATERAL, LATERALES, LATERAIS",
    "Italian": "LATERALE, LATERALI, LATEROLATERALE, LATERO LATERALE, PROFILO, LATERO",
    "Dutch": "LATERAAL, DWARS, DWARSE, ZIJDELINGS*, ZIJWAARTS*",
    "Polish": "BOCZN*, PROFIL, BOK",
    "Czech, Slovak": "BOCNI, BOCNY, BOCNA, BOCNE, BOCNY*, BOCNA PROJEKCE",
    "Turkish": "YAN, YANDAN, LATERAL, LATERAL GRAFI",
    "Swedish, Danish, Norwegian": (
        "FRÅN SIDAN, SIDOBILD*, SIDOPROJ*, SIDEBILLED*, SIDEBILDE*, SIDEOPTAGELSE*, SIDEPROJEKSJON, LATERALT, PROFIL"
    ),
    "Finnish, Estonian": "SIVU, SIVUKUVA*, SIVULTA, SIVUPROJEKTIO*, KULG, KÜLGÜLES*, LATERAALNE",
    "Hungarian": "OLDAL, OLDALIRÁNY*, OLDALFELV*",
    "Romanian, Croatian, Serbian, Slovene": (
        "PROFIL, LATERALA, LATERALNA, LATERALNO, PROFILNA, BOCNA, BOCNI, STRANSKA, STRANSKI"
    ),
    "Lithuanian, Latvian": "SONINE, SONINIS, SONIN*, SANU, SANSKATS, LATERALI",
    "Russian, Ukrainian, Bulgarian": "БОКОВ*, БОК, БІЧН*, ПРОФИЛ*, ПРОФІЛ*, СТРАНИЧ*, ЛАТЕРАЛ*",
    "Greek": "ΠΛΑΓΙΑ, ΠΛΑΓΙΟ, ΠΛΑΓΙΟΣ, ΠΡΟΦΙΛ",
    "Chinese": "侧位, 側位, 侧面",
    "Japanese": "側面, ソクメン",
    "Korean": "측면, 측방",
    "Vietnamese": "NGHIENG",
    "Indonesian, Malay": "LATERAL",
    "Arabic, Hebrew, Thai": "جانبي, جانبية, צידי, ด้านข้าง",
}

FRONTAL = {
    "abbreviations": "PA, AP, P A, A P, DECUB*, DEKUBIT*, DV, VD, FRONTAL*, PACHEST, APCHEST, CHESTPA, CHESTAP",
    "words": (
        "FRONTAL*, *POSTEROANTERIOR*, *ANTEROPOSTERIOR*, POSTERO ANTERIOR*, ANTERO POSTERIOR*, FACE, FRENTE, "
        "DE FRENTE, FRONTALE, POSTERO, ANTERO, VOORACHTERWAARTS, ACHTERVOORWAARTS, DORSOVENTRAL, VENTRODORSAL, "
        "FRONT*, PREDOZADNI, ZADOPREDNI, PREDNI, PRZEDNIO*, TYLNO*, ARKA ON, ON ARKA, ETUKUVA, TAKAETU, SZEMBOL, "
        "AP PA"
    ),
    "scripts": (
        "ПРЯМ*, ФАС, ФАСОВ*, ПЕРЕДНЕ*, ЗАДНЕ*, ЛИЦЕВА, ΠΡΟΣΘ*, ΟΠΙΣΘ*, ΜΕΤΩΠ*, 正位, 后前, 後前, 前后, 前後, "
        "正面, ショウメン, 정면, 전후, 후전, THANG, أمامي, ตรง"
    ),
}

#: Nouns that say chest by themselves, where the spine's 'thoracic' does not.
CHEST_ALONE = (
    "CHEST, CXR, THORAX, LUNG, LUNGS, BRUSTKORB, LUNGE, LUNGEN, POUMON, POUMONS, POITRINE, TORAX, PULMONES, "
    "PULMOES, TORACE, POLMONI, BORSTKAS, KLATKA, KLATKI, KLP, PLUCA, PLUC, HRUDNIK, HRUDNIKU, PLICE, GÖĞÜS, "
    "AKCİĞER, AKCİĞERLER, TORAKS, LUNGOR, LUNGER, KEUHKOT, RINTAKEHA, MELLKAS, TÜDŐ, PLAMANI, PRSA, КЛЕТКА, "
    "КЛЕТКИ, КЛІТКА, КЛІТКИ, ОГК, ЛЕГКИЕ, ЛЕГКИХ, ЛЕГЕНІ, ΘΩΡΑΚΑΣ, ΘΩΡΑΚΟΣ, ΘΩΡΑΚΑ, 胸部, 胸片, 肺, 흉부, NGUC, "
    "PHOI, DADA, PARU"
)

#: Of BodyPartExamined alone, where no sentence can use them otherwise (PS3.16 annex L).
PARTS = (
    "ARM, BACK, FACE, HEAD, HEADNECK, CHEEK, EYE, EYES, EAR, EARS, IAC, SFJ, BUTTOCK, LIVER, KIDNEY, KIDNEYS, "
    "SPLEEN, PANCREAS, GALLBLADDER, BILEDUCT, PROSTATE, UTERUS, OVARY, TESTIS, SCROTUM, PENIS, RECTUM, DUODENUM, "
    "JEJUNUM, ILEUM, ILIUM, PAROTID, THYROID, TONGUE, MOUTH, PHARYNX, LARYNX, SCALP, AXILLA, GROIN, LOWEXM, "
    "UPEXM, UEXTR, LEXTR, EXTR, BODY, JOINT, KOPF, HALS, ARME, CABEZA, CABECA, TETE, CUERPO, CORPO, PIED, PIE, "
    "PE, MAIN, COTE, COTES, SEIN, TESTA, COLLO, BEEN, BENEN, HOOFD, TEEN, KOL, EL, KEZ, VALL, LAB, COMB, KUK, "
    "UMAR, MANA, LAR, AXEL, HOFTA"
)
